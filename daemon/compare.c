/*
 * The mirror is two subtractions; the rest of this file is doubt. A wrong
 * fetch costs a download, a wrong removal costs mail.
 */
#include "daemon/compare.h"

#include "libclient/base/mem.h"

void
compare_begin(struct compare *compare, struct index *disk)
{
	compare_free(compare);
	compare->disk = disk;
}

static void
add_reflag(struct plan *plan, uint32_t uid, uint32_t flags)
{
	if (plan->reflag_count == plan->reflag_size) {
		plan->reflag_size = plan->reflag_size * 2 + 16;
		plan->reflags = mem_resize(
		    plan->reflags, plan->reflag_size, sizeof(*plan->reflags));
	}
	plan->reflags[plan->reflag_count++] =
	    (struct compare_reflag){.uid = uid, .flags = flags};
	uidset_add(&plan->reflagged, uid);
}

/* What was said of a message before no longer holds. */
static void
drop_reflag(struct plan *plan, uint32_t uid)
{
	uint32_t i = plan->reflag_count;

	if (!uidset_contains(&plan->reflagged, uid))
		return;
	/* whoever changes its mind does so soon */
	while (plan->reflags[--i].uid != uid)
		;
	plan->reflags[i] = plan->reflags[--plan->reflag_count];
	uidset_remove(&plan->reflagged, uid);
}

void
compare_flags(struct compare *compare, uint32_t uid, uint32_t flags)
{
	const struct index_entry *entry = index_find(compare->disk, uid);

	if (entry == NULL)
		return;
	drop_reflag(&compare->plan, uid);
	if (entry->flags != flags)
		add_reflag(&compare->plan, uid, flags);
}

void
compare_message(struct compare *compare, uint32_t uid, uint32_t flags)
{
	uidset_add(&compare->seen, uid);
	/* a body brings its flags with it */
	if (index_find(compare->disk, uid) == NULL)
		uidset_add(&compare->plan.fetch, uid);
	else
		compare_flags(compare, uid, flags);
}

bool
compare_holds(const struct compare_rules *rules, uint64_t gone, uint64_t count)
{
	return rules->guard_percent != 0 && !rules->accepts_deletes &&
	    gone > COMPARE_GUARD_MINIMUM &&
	    gone * 100 > count * rules->guard_percent;
}

/* Drops the removals if they are more than the guard lets pass. */
static void
guard(struct compare *compare, const struct compare_rules *rules)
{
	struct plan *plan = &compare->plan;

	plan->is_held = compare_holds(
	    rules, uidset_count(&plan->remove), compare->disk->count);
	if (plan->is_held)
		uidset_free(&plan->remove);
}

void
compare_listed(struct compare *compare, const struct compare_rules *rules)
{
	struct plan *plan = &compare->plan;

	if (rules->skip != NULL)
		uidset_minus(&plan->fetch, rules->skip);
	index_uids(compare->disk, &plan->remove);
	uidset_minus(&plan->remove, &compare->seen);
	if (uidset_is_empty(&plan->remove))
		return;
	if (uidset_count(&compare->seen) != rules->exists) {
		plan->is_doubtful = true;
		uidset_free(&plan->remove);
		return;
	}
	guard(compare, rules);
}

void
compare_vanished(struct compare *compare, const struct uidset *vanished,
    const struct compare_rules *rules)
{
	struct plan *plan = &compare->plan;
	uint64_t gone;

	index_uids(compare->disk, &plan->remove);
	uidset_intersect(&plan->remove, vanished);
	gone = uidset_count(&plan->remove);
	if (compare->disk->count - gone != rules->exists) {
		plan->is_doubtful = true;
		uidset_free(&plan->remove);
		return;
	}
	guard(compare, rules);
}

bool
compare_is_same(const struct compare *compare)
{
	const struct plan *plan = &compare->plan;

	return uidset_is_empty(&plan->fetch) &&
	    uidset_is_empty(&plan->remove) && plan->reflag_count == 0;
}

void
compare_free(struct compare *compare)
{
	uidset_free(&compare->seen);
	uidset_free(&compare->plan.fetch);
	uidset_free(&compare->plan.remove);
	uidset_free(&compare->plan.reflagged);
	mem_free(compare->plan.reflags);
	*compare = (struct compare){0};
}

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

void
compare_forget_uids(struct compare *compare)
{
	uidset_clear(&compare->seen);
	uidset_clear(&compare->plan.fetch);
	uidset_clear(&compare->plan.remove);
}

static void
add_reflag(struct plan *plan, uint32_t uid, uint32_t flags, uint64_t modseq)
{
	if (plan->reflag_count == plan->reflag_size) {
		plan->reflag_size = plan->reflag_size * 2 + 16;
		plan->reflags = mem_resize(
		    plan->reflags, plan->reflag_size, sizeof(*plan->reflags));
	}
	plan->reflags[plan->reflag_count++] = (struct compare_reflag){
	    .uid = uid, .flags = flags, .modseq = modseq};
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
compare_flags(
    struct compare *compare, uint32_t uid, uint32_t flags, uint64_t modseq)
{
	const struct index_entry *entry = index_find(compare->disk, uid);

	if (entry == NULL)
		return;
	drop_reflag(&compare->plan, uid);
	if (entry->flags != flags)
		add_reflag(&compare->plan, uid, flags, modseq);
}

void
compare_change(
    struct compare *compare, uint32_t uid, uint32_t flags, uint64_t modseq)
{
	/* a body brings its flags with it */
	if (index_find(compare->disk, uid) == NULL)
		uidset_add(&compare->plan.fetch, uid);
	else
		compare_flags(compare, uid, flags, modseq);
}

void
compare_message(
    struct compare *compare, uint32_t uid, uint32_t flags, uint64_t modseq)
{
	uidset_add(&compare->seen, uid);
	compare_change(compare, uid, flags, modseq);
}

void
compare_uid_set(struct compare *compare, const struct uidset *uids)
{
	struct uidset disk = {0};
	struct uidset absent = {0};

	index_uids(compare->disk, &disk);
	uidset_copy(&absent, uids);
	uidset_minus(&absent, &disk);
	uidset_union(&compare->plan.fetch, &absent);
	uidset_union(&compare->seen, uids);
	uidset_free(&absent);
	uidset_free(&disk);
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

static void
drop_below(struct uidset *uids, uint32_t first)
{
	struct uidset below = {0};

	if (first > 1)
		uidset_add_range(&below, 1, first - 1);
	uidset_minus(uids, &below);
	uidset_free(&below);
}

void
compare_listed(struct compare *compare, const struct compare_rules *rules)
{
	struct plan *plan = &compare->plan;

	if (rules->skip != NULL)
		uidset_minus(&plan->fetch, rules->skip);
	index_uids(compare->disk, &plan->remove);
	uidset_minus(&plan->remove, &compare->seen);
	if (rules->is_window)
		drop_below(&plan->remove, uidset_first(&compare->seen));
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
compare_changed(struct compare *compare, const struct uidset *vanished,
    const struct compare_rules *rules)
{
	struct plan *plan = &compare->plan;
	int64_t count;

	if (rules->skip != NULL)
		uidset_minus(&plan->fetch, rules->skip);
	uidset_minus(&plan->fetch, vanished);
	index_intersect(compare->disk, vanished, &plan->remove);
	count = (int64_t)compare->disk->count + rules->absent +
	    (int64_t)uidset_count(&plan->fetch) -
	    (int64_t)uidset_count(&plan->remove);
	plan->is_doubtful = count != (int64_t)rules->exists;
	if (plan->is_doubtful)
		uidset_free(&plan->remove);
	else
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

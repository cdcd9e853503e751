/*
 * The counts and the new messages that a command is told of.
 */
#include "daemon/hook_news.h"

#include "libclient/base/mem.h"

void
hook_news_free(struct hook_news *news)
{
	uidset_free(&news->arrived);
	uidset_free(&news->removed);
	uidset_free(&news->reflagged);
	mem_free(news->known);
	*news = (struct hook_news){0};
}

static void
know(struct hook_news *news, const struct maildir_message *message)
{
	if (news->known_count == HOOK_KNOWN_MAX) {
		news->knows_all = false;
		return;
	}
	if (news->known == NULL)
		news->known =
		    mem_resize(NULL, HOOK_KNOWN_MAX, sizeof(*news->known));
	news->known[news->known_count++] = *message;
}

void
hook_news_arrived(struct hook_news *news, const struct maildir_message *message)
{
	if (uidset_is_empty(&news->arrived))
		news->knows_all = true;
	uidset_add(&news->arrived, message->uid);
	if (news->knows_all)
		know(news, message);
}

static void
forget(struct hook_news *news, const struct uidset *uids)
{
	uint32_t kept = 0;

	uidset_minus(&news->arrived, uids);
	for (uint32_t i = 0; i < news->known_count; i++)
		if (!uidset_contains(uids, news->known[i].uid))
			news->known[kept++] = news->known[i];
	news->known_count = kept;
}

/* What arrived is new whatever flags it got since, and nobody was told of what
 * came and went. */
static void
follow_removed(struct hook_news *news, struct hook_news *later)
{
	struct uidset unseen = {0};

	uidset_copy(&unseen, &later->removed);
	uidset_intersect(&unseen, &news->arrived);
	forget(news, &unseen);
	uidset_minus(&later->removed, &unseen);
	uidset_minus(&news->reflagged, &later->removed);
	uidset_union(&news->removed, &later->removed);
	uidset_free(&unseen);
}

void
hook_news_follow(struct hook_news *news, struct hook_news *later)
{
	later->has_moved |= news->has_moved;
	if (news->uidvalidity != later->uidvalidity) {
		hook_news_free(news);
		*news = *later;
		*later = (struct hook_news){0};
		return;
	}
	news->has_moved = later->has_moved;
	follow_removed(news, later);
	uidset_minus(&later->reflagged, &news->arrived);
	uidset_union(&news->reflagged, &later->reflagged);
	news->knows_all =
	    (news->knows_all || uidset_is_empty(&news->arrived)) &&
	    (later->knows_all || uidset_is_empty(&later->arrived));
	uidset_union(&news->arrived, &later->arrived);
	for (uint32_t i = 0; news->knows_all && i < later->known_count; i++)
		know(news, &later->known[i]);
	hook_news_free(later);
}

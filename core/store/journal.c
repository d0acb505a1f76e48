#include "store/journal.h"

#include <string.h>

#define ALIGNED 8
#define LEAST_SEGMENTS 4 /* below that, emptying is not worth its while */
#define KEPT_FREE 2      /* segments that records which count never take */

static size_t offset_of(uint64_t place)
{
	return place & (PC__SEGMENT_SIZE - 1);
}

static uint64_t start_of(uint64_t segment)
{
	return segment << PC__SEGMENT_BITS | PC__SEGMENT_HEAD;
}

size_t pc__record_size(size_t len)
{
	return (sizeof(struct pc__record) + len + ALIGNED - 1) & ~(size_t)(ALIGNED - 1);
}

uint64_t pc__journal_begin(const pc__journal *j)
{
	return atomic_load_explicit(&j->segments.page->begin, memory_order_relaxed);
}

uint64_t pc__journal_end(const pc__journal *j)
{
	return atomic_load_explicit(&j->segments.page->end, memory_order_relaxed);
}

/* ------------------------------------------------------------ opening */

static void start(pc__journal *j)
{
	size_t slots = j->segments.most > KEPT_FREE ? j->segments.most - KEPT_FREE : 1;

	j->head = pc__journal_end(j);
	j->live = 0;
	j->most_live = (slots << PC__SEGMENT_BITS) / 2;
}

int pc__journal_open(pc__journal *j, const char *path, const char *boot, size_t most_bytes,
                     pc__found *found_r)
{
	int err = pc__segments_open(&j->segments, path, boot, most_bytes, found_r);

	if (!err)
		start(j);
	return err;
}

void pc__journal_close(pc__journal *j)
{
	pc__segments_close(&j->segments);
}

int pc__journal_reset(pc__journal *j)
{
	int err = pc__segments_reset(&j->segments);

	if (!err)
		start(j);
	return err;
}

/* ------------------------------------------------------------ adding */

static struct pc__record *record_at(const pc__journal *j, uint64_t place)
{
	char *segment = pc__segments_at(&j->segments, place >> PC__SEGMENT_BITS);

	return (struct pc__record *)(void *)(segment + offset_of(place));
}

/* What is left of a segment says that it goes on in the next one. */
static bool go_on(pc__journal *j)
{
	size_t left = PC__SEGMENT_SIZE - offset_of(j->head);

	if (pc__segments_add(&j->segments) != PC_OK)
		return false;
	if (left >= sizeof(struct pc__record))
		*record_at(j, j->head) = (struct pc__record){ .type = PC__REC_JUMP };
	j->head = start_of((j->head >> PC__SEGMENT_BITS) + 1);
	return true;
}

/* The head is never at the very end of a segment, where its number would be the next one's. */
static struct pc__record *add(pc__journal *j, enum pc__record_type type, uint64_t number,
                              size_t len, uint64_t *place_r)
{
	size_t size = pc__record_size(len);
	struct pc__record *r;

	if (len > PC__SEGMENT_SIZE || size >= PC__SEGMENT_SIZE - PC__SEGMENT_HEAD)
		return NULL;
	if (size >= PC__SEGMENT_SIZE - offset_of(j->head) && !go_on(j))
		return NULL;
	r = record_at(j, j->head);
	*r = (struct pc__record){ .len = (uint32_t)len, .type = (uint8_t)type, .number = number };
	*place_r = j->head;
	j->head += size;
	return r;
}

struct pc__record *pc__journal_add(pc__journal *j, enum pc__record_type type, uint64_t number,
                                   size_t len, uint64_t *place_r)
{
	struct pc__record *r;

	if (j->live + len > j->most_live)
		return NULL;
	r = add(j, type, number, len, place_r);
	if (r)
		j->live += pc__record_size(len);
	return r;
}

struct pc__record *pc__journal_add_end(pc__journal *j, enum pc__record_type type, uint64_t number,
                                       size_t len)
{
	uint64_t place;

	return add(j, type, number, len, &place);
}

void pc__journal_dead(pc__journal *j, size_t len)
{
	j->live -= pc__record_size(len);
}

void pc__journal_alive(pc__journal *j, size_t len)
{
	j->live += pc__record_size(len);
}

void pc__journal_publish_time(pc__journal *j, int64_t now_ms)
{
	atomic_store_explicit(&j->segments.page->alive_ms, now_ms, memory_order_relaxed);
}

void pc__journal_publish(pc__journal *j, int64_t now_ms)
{
	pc__journal_publish_time(j, now_ms);
	atomic_store_explicit(&j->segments.page->end, j->head, memory_order_release);
}

/* ------------------------------------------------------------ reading */

static bool is_whole(const struct pc__record *r, size_t left)
{
	return r->type > PC__REC_JUMP && r->type < PC__REC_TYPES && r->len <= left &&
	       pc__record_size(r->len) < left;
}

const struct pc__record *pc__journal_next(const pc__journal *j, uint64_t *place)
{
	uint64_t end = pc__journal_end(j);

	while (*place < end) {
		size_t left = PC__SEGMENT_SIZE - offset_of(*place);
		const struct pc__record *r = NULL;

		if (offset_of(*place) < PC__SEGMENT_HEAD || offset_of(*place) % ALIGNED != 0 ||
		    pc__segments_at(&j->segments, *place >> PC__SEGMENT_BITS) == NULL)
			return NULL;
		if (left >= sizeof(*r))
			r = record_at(j, *place);
		if (r && r->type != PC__REC_JUMP) {
			if (!is_whole(r, left) || *place + pc__record_size(r->len) > end)
				return NULL;
			*place += pc__record_size(r->len);
			return r;
		}
		if (*place >> PC__SEGMENT_BITS == end >> PC__SEGMENT_BITS)
			return NULL;
		*place = start_of((*place >> PC__SEGMENT_BITS) + 1);
	}
	return NULL;
}

/* ------------------------------------------------------------ emptying */

bool pc__journal_is_stretched(const pc__journal *j)
{
	size_t needed = LEAST_SEGMENTS + 2 * (j->live >> PC__SEGMENT_BITS);

	return j->segments.n_row > needed;
}

bool pc__journal_is_oldest(const pc__journal *j, uint64_t place)
{
	return j->segments.n_row > 1 && place >> PC__SEGMENT_BITS == j->segments.first;
}

void pc__journal_drop(pc__journal *j)
{
	atomic_store_explicit(&j->segments.page->begin, start_of(j->segments.first + 1),
	                      memory_order_release);
	pc__segments_drop(&j->segments);
}

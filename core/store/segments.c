#include "store/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util/mem.h"

#define MAGIC "PCjournl"
#define VERSION 1
#define PAGE ((size_t)4096)
#define FIRST_SLOTS 2
#define SPARE_SLOTS 4 /* free ones that keep their memory */

enum state { FREE, HOLE, USED };

/* At the start of each segment. */
struct head {
	uint64_t number, unused;
};

static char *slot_at(const pc__segments *s, uint32_t slot)
{
	return s->map + PAGE + ((size_t)slot << PC__SEGMENT_BITS);
}

static struct head *head_of(const pc__segments *s, uint32_t slot)
{
	return (struct head *)(void *)slot_at(s, slot);
}

char *pc__segments_at(const pc__segments *s, uint64_t number)
{
	uint64_t i = number - s->first;

	return number >= s->first && i < s->n_row ? slot_at(s, s->row[i]) : NULL;
}

/* ------------------------------------------------------------ slots */

static bool allocate(const pc__segments *s, size_t from, size_t size)
{
	int err = posix_fallocate(s->fd, (off_t)from, (off_t)size);

	if (err)
		errno = err;
	return err == 0;
}

static bool allocate_slot(const pc__segments *s, uint32_t slot)
{
	return allocate(s, PAGE + ((size_t)slot << PC__SEGMENT_BITS), PC__SEGMENT_SIZE);
}

static bool take_free(pc__segments *s, enum state state, uint32_t *slot_r)
{
	for (uint32_t i = 0; i < s->n_slots; i++) {
		if (s->states[i] == state && (state == FREE || allocate_slot(s, i))) {
			*slot_r = i;
			s->n_free -= state == FREE;
			return true;
		}
	}
	return false;
}

static bool make(pc__segments *s, uint32_t *slot_r)
{
	if (s->n_slots >= s->most || !allocate_slot(s, s->n_slots))
		return false;
	*slot_r = s->n_slots++;
	return true;
}

int pc__segments_add(pc__segments *s)
{
	uint32_t slot;

	if (!take_free(s, FREE, &slot) && !take_free(s, HOLE, &slot) && !make(s, &slot))
		return PC_ELIMIT;
	s->states[slot] = USED;
	*head_of(s, slot) = (struct head){ .number = s->first + s->n_row };
	s->row[s->n_row++] = slot;
	return PC_OK;
}

static void set_free(pc__segments *s, uint32_t slot)
{
	off_t at = (off_t)(PAGE + ((size_t)slot << PC__SEGMENT_BITS));

	s->states[slot] = FREE;
	if (s->n_free >= SPARE_SLOTS && fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	                                          at, (off_t)PC__SEGMENT_SIZE) == 0)
		s->states[slot] = HOLE;
	else
		s->n_free++;
}

void pc__segments_drop(pc__segments *s)
{
	uint32_t slot = s->row[0];

	s->n_row--;
	s->first++;
	memmove(s->row, s->row + 1, s->n_row * sizeof(*s->row));
	set_free(s, slot);
}

/* ------------------------------------------------------------ what was there */

static uint64_t segment_of(uint64_t place)
{
	return place >> PC__SEGMENT_BITS;
}

/* Read and written as a file: the slot may have given its memory back. */
static uint64_t number_of(const pc__segments *s, uint32_t slot)
{
	uint64_t number = 0;
	off_t at = (off_t)(PAGE + ((size_t)slot << PC__SEGMENT_BITS));

	return pread(s->fd, &number, sizeof(number), at) == sizeof(number) ? number : 0;
}

/* A number that was given and not published will be given again. */
static bool forget_number(const pc__segments *s, uint32_t slot)
{
	uint64_t none = 0;
	off_t at = (off_t)(PAGE + ((size_t)slot << PC__SEGMENT_BITS));

	return number_of(s, slot) == 0 || pwrite(s->fd, &none, sizeof(none), at) == sizeof(none);
}

static bool enter(pc__segments *s, uint32_t slot, uint64_t last)
{
	uint64_t number = number_of(s, slot);
	bool used = number >= s->first && number <= last;

	s->states[slot] = used ? USED : HOLE;
	if (!used)
		return forget_number(s, slot);
	if (s->row[number - s->first] != UINT32_MAX)
		return false;
	s->row[number - s->first] = slot;
	return allocate_slot(s, slot);
}

/* Every segment from begin to end must lie in a slot. */
static bool find_row(pc__segments *s)
{
	uint64_t begin = atomic_load(&s->page->begin), end = atomic_load(&s->page->end);
	uint64_t first = segment_of(begin), last = segment_of(end);

	if (begin > end || first == 0 || last - first >= s->n_slots)
		return false;
	s->first = first;
	s->n_row = (uint32_t)(last - first) + 1;
	for (uint32_t i = 0; i < s->n_row; i++)
		s->row[i] = UINT32_MAX;
	for (uint32_t i = 0; i < s->n_slots; i++)
		if (!enter(s, i, last))
			return false;
	for (uint32_t i = 0; i < s->n_row; i++)
		if (s->row[i] == UINT32_MAX)
			return false;
	s->n_free = 0;
	return true;
}

static pc__found look(pc__segments *s, size_t size, const char *boot)
{
	const struct pc__journal_page *page = s->page;

	if (size < PAGE + PC__SEGMENT_SIZE)
		return size == 0 ? PC__FOUND_NOTHING : PC__FOUND_DAMAGED;
	if (memcmp(page->magic, MAGIC, sizeof(page->magic)) != 0)
		return page->magic[0] ? PC__FOUND_DAMAGED : PC__FOUND_NOTHING;
	if (page->version != VERSION || page->segment_size != PC__SEGMENT_SIZE)
		return PC__FOUND_OTHER_VERSION;
	if (*boot == '\0' || strncmp(page->boot, boot, PC__BOOT_SIZE) != 0)
		return PC__FOUND_OTHER_BOOT;
	s->n_slots = (uint32_t)((size - PAGE) >> PC__SEGMENT_BITS);
	return find_row(s) ? PC__FOUND_JOURNAL : PC__FOUND_DAMAGED;
}

/* ------------------------------------------------------------ making it anew */

int pc__segments_reset(pc__segments *s)
{
	struct pc__journal_page *page = s->page;
	char boot[PC__BOOT_SIZE];

	memcpy(boot, page->boot, sizeof(boot));
	if (ftruncate(s->fd, 0) != 0 || !allocate(s, 0, PAGE))
		return PC_EIO;
	s->n_slots = s->n_row = s->n_free = 0;
	s->first = 1;
	for (uint32_t i = 0; i < FIRST_SLOTS; i++) {
		uint32_t slot;

		if (!make(s, &slot))
			return PC_EIO;
		s->states[slot] = FREE;
		s->n_free++;
	}
	pc__segments_add(s);
	page->version = VERSION;
	page->segment_size = PC__SEGMENT_SIZE;
	memcpy(page->boot, boot, sizeof(boot));
	atomic_store(&page->begin, PC__SEGMENT_SIZE | PC__SEGMENT_HEAD);
	atomic_store(&page->end, PC__SEGMENT_SIZE | PC__SEGMENT_HEAD);
	atomic_signal_fence(memory_order_seq_cst);
	memcpy(page->magic, MAGIC, sizeof(page->magic));
	return PC_OK;
}

static int begin_anew(pc__segments *s, const char *boot)
{
	if (ftruncate(s->fd, 0) != 0 || !allocate(s, 0, PAGE))
		return PC_EIO;
	snprintf(s->page->boot, sizeof(s->page->boot), "%s", boot);
	return pc__segments_reset(s);
}

/* ------------------------------------------------------------ the file */

static int open_file(const char *path)
{
	return open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
}

/* As the one who makes files here, and nobody besides. */
static bool is_ours(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() && (st->st_mode & 07077) == 0 &&
	       st->st_nlink == 1;
}

static int lock(pc__segments *s, const char *path, struct stat *st)
{
	s->fd = open_file(path);
	if (s->fd < 0)
		return errno == ELOOP ? PC_EPERM : PC_EIO;
	if (fstat(s->fd, st) != 0)
		return PC_EIO;
	if (!is_ours(st))
		return PC_EPERM;
	if (flock(s->fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? PC_EBUSY : PC_EIO;
	return fstat(s->fd, st) == 0 ? PC_OK : PC_EIO; /* whoever had it may have made it grow */
}

/* One mapping for all that the file may ever be: addresses stay as it grows. */
static int map(pc__segments *s, size_t size, size_t most_bytes)
{
	size_t slots = most_bytes >> PC__SEGMENT_BITS;
	size_t there = size > PAGE ? (size - PAGE) >> PC__SEGMENT_BITS : 0;

	s->most = (uint32_t)(slots > FIRST_SLOTS ? slots : FIRST_SLOTS);
	if (there < s->most)
		there = s->most;
	s->map_size = PAGE + (there << PC__SEGMENT_BITS);
	s->map = mmap(NULL, s->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (s->map == MAP_FAILED) {
		s->map = NULL;
		return PC_EIO;
	}
	s->page = (struct pc__journal_page *)(void *)s->map;
	s->states = pc__alloc(there);
	s->row = pc__alloc((there + 1) * sizeof(*s->row));
	return PC_OK;
}

int pc__segments_open(pc__segments *s, const char *path, const char *boot, size_t most_bytes,
                      pc__found *found_r)
{
	struct stat st;
	int err;

	*s = (pc__segments){ .fd = -1 };
	err = lock(s, path, &st);
	if (!err)
		err = map(s, (size_t)st.st_size, most_bytes);
	if (!err) {
		*found_r = look(s, (size_t)st.st_size, boot);
		if (*found_r != PC__FOUND_JOURNAL)
			err = begin_anew(s, boot);
	}
	if (err)
		pc__segments_close(s);
	return err;
}

void pc__segments_close(pc__segments *s)
{
	int number = errno;

	if (s->map)
		munmap(s->map, s->map_size);
	if (s->fd >= 0)
		close(s->fd);
	free(s->states);
	free(s->row);
	*s = (pc__segments){ .fd = -1 };
	errno = number;
}

void pc__segments_boot(const char *path, char boot_r[static PC__BOOT_SIZE])
{
	char *folder = pc__strdup(path), *slash = strrchr(folder, '/');
	struct statfs fs;
	FILE *f;

	boot_r[0] = '\0';
	if (slash)
		*slash = '\0';
	if (statfs(slash && slash != folder ? folder
	           : slash                  ? "/"
	                                    : ".",
	           &fs) == 0 &&
	    fs.f_type == TMPFS_MAGIC)
		snprintf(boot_r, PC__BOOT_SIZE, "tmpfs");
	free(folder);
	if (boot_r[0])
		return;
	f = fopen("/proc/sys/kernel/random/boot_id", "re");
	if (f == NULL)
		return;
	if (fgets(boot_r, PC__BOOT_SIZE, f))
		boot_r[strcspn(boot_r, "\n")] = '\0';
	fclose(f);
}

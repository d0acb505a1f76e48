#include "store/job.h"

#include <string.h>

#include "util/mem.h"

pc__job *pc__job_new(size_t bytes, void (*done)(pc__job *job), void *data)
{
	pc__arena *arena = pc__arena_new(sizeof(pc__job) + sizeof(pc__op) + 128 + bytes);
	pc__job *job = pc__arena_alloc(arena, sizeof(*job));

	*job = (pc__job){ .arena = arena, .done = done, .data = data };
	pc__rows_init(&job->rows);
	return job;
}

void pc__job_free(pc__job **job_p)
{
	pc__job *job = *job_p;
	pc__arena *arena;

	if (job == NULL)
		return;
	*job_p = NULL;
	pc__rows_clear(&job->rows);
	arena = job->arena;
	pc__arena_free(&arena);
}

const char *pc__job_bytes(pc__job *job, const char *bytes, size_t len)
{
	return bytes ? pc__arena_strndup(job->arena, bytes, len) : NULL;
}

const char *pc__job_text(pc__job *job, const char *text)
{
	return text ? pc__arena_strndup(job->arena, text, strlen(text)) : NULL;
}

pc__op *pc__job_add(pc__job *job, pc__op_type type, const char *host, const char *user,
                    const char *store)
{
	pc__op *op = pc__arena_alloc(job->arena, sizeof(*op));

	*op = (pc__op){ .job = job, .type = type };
	op->k.host = pc__job_text(job, host);
	op->k.user = pc__job_text(job, user ? user : "");
	op->k.store = pc__job_text(job, store);
	if (job->last)
		job->last->next = op;
	else
		job->ops = op;
	job->last = op;
	job->n_ops++;
	job->write = type <= PC__OP_LAST_WRITE;
	return op;
}

size_t pc__items_size(const pc_item *items, size_t n)
{
	size_t size = n * sizeof(*items);

	for (size_t i = 0; i < n; i++)
		size += strlen(items[i].key) + items[i].len + 16;
	return size;
}

void pc__op_items(pc__op *op, const pc_item *items, size_t n)
{
	op->n = n;
	op->items = pc__arena_alloc(op->job->arena, n * sizeof(*items));
	for (size_t i = 0; i < n; i++) {
		op->items[i].key = pc__job_text(op->job, items[i].key);
		op->items[i].value = pc__job_bytes(op->job, items[i].value, items[i].len);
		op->items[i].len = items[i].len;
	}
}

void pc__op_entry(pc__op *op, const pc_entry *entry)
{
	op->entry = *entry;
	op->entry.id = pc__job_text(op->job, entry->id);
	op->entry.with = pc__job_text(op->job, entry->with);
	op->entry.value = pc__job_bytes(op->job, entry->value ? entry->value : "", entry->len);
}

/* The texts of a query that was copied as it is. */
static void own_query(pc__job *job, pc_query *q)
{
	const char **ids = pc__arena_alloc(job->arena, q->n_ids * sizeof(*ids));

	q->with = pc__job_text(job, q->with);
	q->before = pc__job_text(job, q->before);
	q->after = pc__job_text(job, q->after);
	for (size_t i = 0; i < q->n_ids; i++)
		ids[i] = pc__job_text(job, q->ids[i]);
	q->ids = ids;
}

void pc__op_query(pc__op *op, const pc_query *query)
{
	if (query == NULL)
		return;
	op->query = pc__arena_alloc(op->job->arena, sizeof(*op->query));
	*op->query = *query;
	own_query(op->job, op->query);
}

/* A caller may know less of the struct than we do. */
void pc__op_search(pc__op *op, const pc_search *search)
{
	pc__job *job = op->job;
	size_t size = search->size < sizeof(*search) ? search->size : sizeof(*search);
	pc_search *copy = pc__arena_alloc(job->arena, sizeof(*copy));

	*copy = (pc_search){ 0 };
	memcpy(copy, search, size);
	copy->size = sizeof(*copy);
	own_query(job, &copy->query);
	copy->above = pc__job_text(job, copy->above);
	copy->below = pc__job_text(job, copy->below);
	copy->text = pc__job_text(job, copy->text);
	op->search = copy;
}

static int append(const pc__op *op, const pc_store_driver *d, pc_db *db)
{
	if (op->text && d->append_text)
		return d->append_text(db, &op->k, &op->entry, op->text);
	return d->append(db, &op->k, &op->entry, op->most);
}

/* Those that not every driver has. */
static int run_further(const pc__op *op, const pc_store_driver *d, pc_db *db, void *reader,
                       pc_rows *rows)
{
	if (op->type == PC__OP_EXPIRE && d->expire)
		return d->expire(db, &op->k, op->before, op->most);
	if (op->type == PC__OP_SEARCH && d->search)
		return d->search(db, reader, &op->k, op->search, rows);
	if (op->type == PC__OP_EXTENT && d->extent)
		return d->extent(db, reader, &op->k, rows);
	if (op->type == PC__OP_OUTDATED && d->outdated)
		return d->outdated(db, reader, &op->k, op->before, op->key, op->most, rows);
	return PC_ENOTSUP;
}

static int run(const pc__op *op, const pc_store_driver *d, pc_db *db, void *reader, pc_rows *rows)
{
	switch (op->type) {
	case PC__OP_SET:
		return d->set(db, &op->k, op->items, op->n, true);
	case PC__OP_SET_KEYS:
		return d->set(db, &op->k, op->items, op->n, false);
	case PC__OP_SWAP:
		return d->swap(db, &op->k, op->key, op->expected, op->value);
	case PC__OP_PURGE:
		return d->purge(db, &op->k);
	case PC__OP_APPEND:
		return append(op, d, db);
	case PC__OP_REPLACE:
		return d->replace(db, &op->k, op->key, op->value, op->len);
	case PC__OP_REMOVE:
		return d->remove(db, &op->k, op->query);
	case PC__OP_GET:
		return d->get(db, reader, &op->k, op->key, rows);
	case PC__OP_GET_ALL:
		return d->get_all(db, reader, &op->k, op->key, rows);
	case PC__OP_USERS:
		return d->users(db, reader, &op->k, rows);
	case PC__OP_FIND:
		return d->find(db, reader, &op->k, op->query, rows);
	case PC__OP_EXPIRE:
	case PC__OP_SEARCH:
	case PC__OP_EXTENT:
	case PC__OP_OUTDATED:
		return run_further(op, d, db, reader, rows);
	case PC__OP_CHECK:
		return d->check ? d->check(db, reader) : PC_OK;
	case PC__OP_BACKUP:
		return d->backup(db, op->key);
	case PC__OP_RESTORE:
		return d->restore(db, op->key, op->n > 0);
	}
	return PC_EINTERNAL;
}

int pc__job_run(pc__job *job, const pc_store_driver *driver, pc_db *db, void *reader)
{
	bool several = job->n_ops > 1;
	int err = several ? driver->savepoint(db) : PC_OK, err2;

	if (err)
		return err;
	for (const pc__op *op = job->ops; op && !err; op = op->next)
		err = run(op, driver, db, reader, &job->rows);
	if (err)
		pc__rows_clear(&job->rows);
	if (!several)
		return err;
	err2 = driver->release(db, err != PC_OK);
	return err ? err : err2;
}

void pc__job_queue_add(struct pc__job_queue *q, pc__job *job)
{
	job->next = NULL;
	if (q->tail)
		q->tail->next = job;
	else
		q->head = job;
	q->tail = job;
}

pc__job *pc__job_queue_take(struct pc__job_queue *q)
{
	pc__job *job = q->head;

	if (job == NULL)
		return NULL;
	q->head = job->next;
	if (q->head == NULL)
		q->tail = NULL;
	job->next = NULL;
	return job;
}

void pc__job_queue_join(struct pc__job_queue *q, struct pc__job_queue *from)
{
	if (from->head == NULL)
		return;
	if (q->tail)
		q->tail->next = from->head;
	else
		q->head = from->head;
	q->tail = from->tail;
	*from = (struct pc__job_queue){ 0 };
}

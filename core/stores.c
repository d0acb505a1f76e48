#include "stores.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "hosts.h"
#include "log.h"
#include "server.h"
#include "turns.h"
#include "util/mem.h"

/* What the struct had in the first release of the ABI. */
#define DRIVER_LEAST offsetof(pc_store_driver, append_text)

/* The first has no driver: what cannot be served is answered by it. */
static struct pc__database databases[PC__DATABASES];

/* While the server starts: the driver whose database cannot be opened. It is not tried again for
 * each store. */
static char *failed;
static bool started;

static const struct pc__worker_notes *all_notes; /* NULL: jobs do not wait for their turn's end */
static uint64_t notes_epoch;

/* ---- databases */

static struct pc__database *without_driver(void)
{
	if (databases[0].worker == NULL)
		databases[0].worker = pc__worker_new(pc__server.loop, 0, NULL, NULL);
	return &databases[0];
}

struct pc__database *pc__database_of(pc_ticket ticket)
{
	uint64_t index = ticket >> 56;

	if (index >= PC__DATABASES || databases[index].worker == NULL)
		return without_driver();
	return &databases[index];
}

static void on_checked(pc__job *job)
{
	const struct pc__database *d = job->data;

	if (job->err == PC_EIO)
		pc__log("stores", PC_ERROR,
		        "the check of database %s found damage: nothing is written any more",
		        d->driver_name);
}

static void check(struct pc__database *d)
{
	pc__job *job = pc__job_new(0, on_checked, d);

	pc__job_add(job, PC__OP_CHECK, "", NULL, "");
	pc__worker_submit(d->worker, job);
}

/* The driver's module is loaded for that host, unless it is a global one. */
static const pc_store_driver *load_driver(pc_host *host, const char *name, pc_module **owner_r)
{
	char *module = pc__printf("storage_%s", name), *service = pc__printf("storage-%s", name);
	const pc_store_driver *driver = NULL;

	if (pc__modules_need(host, module) == PC_OK)
		driver = pc_provider(host, service, owner_r);
	free(module);
	free(service);
	return driver;
}

static struct pc__database *open_in(unsigned index, pc_host *host, const char *name)
{
	struct pc__database *d = &databases[index];
	pc_module *owner = NULL;
	const pc_store_driver *driver = load_driver(host, name, &owner);

	if (driver == NULL || driver->size < DRIVER_LEAST) {
		pc__log("stores", PC_ERROR, "there is no storage driver %s", name);
		return NULL;
	}
	d->known = (pc_store_driver){ 0 };
	memcpy(&d->known, driver, driver->size < sizeof(*driver) ? driver->size : sizeof(*driver));
	if (d->known.open(owner, &d->db) != PC_OK) { /* which it has told */
		if (!started)
			failed = pc__strdup(name);
		return NULL;
	}
	d->driver_name = pc__strdup(name);
	d->driver = driver = &d->known;
	d->owner = owner;
	pc__module_hold(owner); /* its data are the database's */
	d->worker = pc__worker_new(pc__server.loop, index, driver, d->db);
	if (all_notes)
		pc__worker_hold(d->worker, all_notes, notes_epoch);
	check(d);
	return d;
}

static struct pc__database *database(pc_host *host, const char *name)
{
	unsigned index = 1;

	while (index < PC__DATABASES && databases[index].worker) {
		if (strcmp(databases[index].driver_name, name) == 0)
			return &databases[index];
		index++;
	}
	if (failed && strcmp(failed, name) == 0)
		return NULL;
	return index < PC__DATABASES ? open_in(index, host, name) : NULL;
}

bool pc__stores_failed(void)
{
	return failed != NULL;
}

int pc__stores_started(void)
{
	int err = failed ? PC_EIO : PC_OK;

	started = true;
	pc__free(&failed);
	return err;
}

/* ---- which driver */

static const char *text_of(const pc__value *v)
{
	return v && v->type == PC__STRING ? v->s : NULL;
}

static bool take_name(const void *item, pc_module *owner, void *data)
{
	(void)owner;
	*(const char **)data = item;
	return false;
}

/* An item "storage-only" of the host says that all of it goes to that driver. */
static const char *driver_of(const char *host, const char *store)
{
	const pc__value *v = pc__config_get(host, "storage");
	pc_host *of = pc_host_find(host);
	const char *name = NULL;

	if (of)
		pc_each_item(of, "storage-only", take_name, &name);
	if (name)
		return name;
	name = text_of(v);
	if (name == NULL && v && v->type == PC__TABLE)
		name = text_of(pc__value_field(v, store));
	if (name == NULL)
		name = text_of(pc__config_get(host, "default_storage"));
	if (name == NULL || strcmp(name, "internal") == 0 || strcmp(name, "sql") == 0)
		return "sqlite";
	return name;
}

/* ---- stores */

/* A module's is its memory: callbacks of an instance that was replaced still use it. */
static pc_store *new_store(pc_module *m, const char *host, const char *name)
{
	size_t host_size = strlen(host) + 1, name_size = strlen(name) + 1;
	size_t size = sizeof(pc_store) + host_size + name_size;
	pc_store *st = m ? pc_module_alloc(m, size) : pc__alloc(size);
	char *texts = (char *)(st + 1);

	st->m = m;
	st->host = memcpy(texts, host, host_size);
	st->name = memcpy(texts + host_size, name, name_size);
	return st;
}

static pc_store *open_store(pc_module *m, const char *host, const char *name, pc_store_kind kind,
                            int *err_r)
{
	pc_store *st = new_store(m, host, name);

	st->kind = kind;
	st->db = database(pc_host_find(host), driver_of(host, name));
	*err_r = st->db ? PC_OK : PC_EIO;
	if (st->db && kind == PC_STORE_ARCHIVE && !st->db->driver->archives) {
		st->db = NULL;
		*err_r = PC_ENOTSUP;
	}
	if (st->db == NULL)
		st->db = without_driver();
	return st;
}

static pc_store *open_for(pc_module *m, const char *host, const char *name, pc_store_kind kind)
{
	int err;
	pc_store *st = open_store(m, host, name, kind, &err);

	if (err)
		pc__module_error(m, err, "store %s of %s cannot be opened with storage driver %s",
		                 name, host, driver_of(host, name));
	return st;
}

pc_store *pc_store_open(pc_module *m, const char *name, pc_store_kind kind)
{
	return open_for(m, pc_module_host_name(m), name, kind);
}

pc_store *pc_store_open_on(pc_module *m, pc_host *host, const char *name, pc_store_kind kind)
{
	return open_for(m, pc_host_name(host), name, kind);
}

void pc_store_close(pc_store **st)
{
	if (*st)
		pc_module_free((*st)->m, *st);
	*st = NULL;
}

pc_store *pc__store_open(const char *host, const char *name, pc_store_kind kind)
{
	int err;

	return open_store(NULL, host, name, kind, &err);
}

void pc__store_close(pc_store **st)
{
	pc__free(st);
}

/* ---- all of them */

void pc__stores_hold(const struct pc__worker_notes *notes, uint64_t epoch)
{
	all_notes = notes;
	notes_epoch = epoch;
	for (unsigned i = 1; i < PC__DATABASES && databases[i].worker; i++)
		pc__worker_hold(databases[i].worker, notes, epoch);
}

void pc__stores_release(void)
{
	for (unsigned i = 1; i < PC__DATABASES && databases[i].worker; i++)
		pc__worker_release(databases[i].worker);
}

const char *pc__stores_driver(unsigned index)
{
	return index < PC__DATABASES ? databases[index].driver_name : NULL;
}

pc__worker *pc__stores_worker(const char *driver)
{
	struct pc__database *d = database(NULL, driver);

	return d ? d->worker : NULL;
}

void pc__stores_flush(void)
{
	pc__turns_settle();
	for (unsigned i = 0; i < PC__DATABASES; i++) {
		if (databases[i].worker)
			pc__worker_flush(databases[i].worker);
	}
}

static void close_database(struct pc__database *d)
{
	if (d->worker)
		pc__worker_free(&d->worker);
	if (d->driver) {
		d->driver->close(d->db);
		pc__module_release(d->owner);
	}
	free(d->driver_name);
	*d = (struct pc__database){ 0 };
}

/* The one without a driver last: callbacks of the others may still ask it. */
void pc__stores_close(void)
{
	started = false;
	pc__free(&failed);
	for (unsigned i = PC__DATABASES; i-- > 0;)
		close_database(&databases[i]);
}

const char *pc__stores_stats(unsigned i, struct pc__worker_stats *stats_r)
{
	if (i + 1 >= PC__DATABASES || databases[i + 1].worker == NULL)
		return NULL;
	pc__worker_stats(databases[i + 1].worker, stats_r);
	return databases[i + 1].driver_name;
}

struct purge {
	unsigned left;
	int err;
	pc_done_fn *fn;
	void *data;
};

static void on_purged(int err, void *data)
{
	struct purge *p = data;

	if (err && !p->err)
		p->err = err;
	if (--p->left > 0)
		return;
	if (p->fn)
		p->fn(p->err, p->data);
	free(p);
}

void pc__stores_purge(const char *host, const char *user, pc_done_fn *fn, void *data)
{
	struct purge *p = pc__alloc(sizeof(*p));

	*p = (struct purge){ .left = 1, .fn = fn, .data = data };
	for (unsigned i = 1; i < PC__DATABASES && databases[i].worker; i++) {
		pc__job *job = pc__reply_done(NULL, 0, on_purged, p);

		pc__job_add(job, PC__OP_PURGE, host, user, "");
		pc__worker_submit(databases[i].worker, job);
		p->left++;
	}
	pc__ticket_wait(0, on_purged, p); /* never before this has returned */
}

/* ---- all writes */

uint64_t pc__stores_written(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < PC__DATABASES && (i == 0 || databases[i].worker); i++)
		if (databases[i].worker)
			n += pc__worker_last(databases[i].worker);
	return n;
}

bool pc__stores_settled(void)
{
	for (unsigned i = 0; i < PC__DATABASES; i++)
		if (databases[i].worker && !pc__worker_settled(databases[i].worker))
			return false;
	return true;
}

struct wait {
	unsigned left;
	pc_done_fn *fn;
	void *data;
};

static void on_one_settled(int err, void *data)
{
	struct wait *wait = data;

	(void)err;
	if (--wait->left > 0)
		return;
	wait->fn(PC_OK, wait->data);
	free(wait);
}

void pc__stores_wait(pc_done_fn *fn, void *data)
{
	struct wait *wait = pc__alloc(sizeof(*wait));

	*wait = (struct wait){ .left = 1, .fn = fn, .data = data };
	for (unsigned i = 0; i < PC__DATABASES; i++) {
		if (databases[i].worker && !pc__worker_settled(databases[i].worker)) {
			wait->left++;
			pc__ticket_wait(pc__worker_last(databases[i].worker), on_one_settled, wait);
		}
	}
	pc__ticket_wait(0, on_one_settled, wait); /* never before this has returned */
}

/* ---- copies */

static struct pc__database *copyable(void)
{
	for (unsigned i = 1; i < PC__DATABASES && databases[i].worker; i++)
		if (databases[i].driver->backup && databases[i].driver->restore)
			return &databases[i];
	return without_driver();
}

const char *pc__stores_left_out(unsigned i)
{
	const struct pc__database *copied = copyable();

	for (unsigned at = 1; at < PC__DATABASES && databases[at].worker; at++)
		if (&databases[at] != copied && i-- == 0)
			return databases[at].driver_name;
	return NULL;
}

static void copy(pc__op_type type, const char *path, bool force, pc_done_fn *fn, void *data)
{
	pc__job *job = pc__reply_done(NULL, 0, fn, data);
	pc__op *op = pc__job_add(job, type, "", NULL, "");

	op->key = pc__job_text(job, path);
	op->n = force;
	pc__worker_submit(copyable()->worker, job);
}

void pc__stores_backup(const char *path, pc_done_fn *fn, void *data)
{
	copy(PC__OP_BACKUP, path, false, fn, data);
}

void pc__stores_restore(const char *path, bool force, pc_done_fn *fn, void *data)
{
	copy(PC__OP_RESTORE, path, force, fn, data);
}

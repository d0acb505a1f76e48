/* mod_storage_memory - storage that ends with the process, for tests and throw-away servers. */
#include "memory.h"

/* ---- transactions */

static int memory_begin(pc_db *db)
{
	(void)db;
	return PC_OK;
}

static int memory_commit(pc_db *db)
{
	memory_keep(db);
	return PC_OK;
}

static void memory_rollback(pc_db *db)
{
	memory_undo_to(db, NULL);
}

static int memory_savepoint(pc_db *db)
{
	db->saved = db->changes;
	return PC_OK;
}

static int memory_release(pc_db *db, bool undo)
{
	if (undo)
		memory_undo_to(db, db->saved);
	return PC_OK;
}

/* ---- the module */

static int memory_open(pc_module *m, pc_db **db_r)
{
	*db_r = pc_module_alloc(m, sizeof(**db_r));
	return PC_OK;
}

static void memory_close(pc_db *db)
{
	struct owner *o, *next;

	HASH_ITER(hh, db->owners, o, next)
	{
		HASH_DEL(db->owners, o);
		memory_owner_free(o);
	}
}

static const pc_store_driver driver = {
	.size = sizeof(pc_store_driver),
	.archives = true,
	.one_thread = true,
	.open = memory_open,
	.close = memory_close,
	.begin = memory_begin,
	.commit = memory_commit,
	.rollback = memory_rollback,
	.savepoint = memory_savepoint,
	.release = memory_release,
	.set = memory_set,
	.swap = memory_swap,
	.purge = memory_purge,
	.append = memory_append,
	.replace = memory_replace,
	.remove = memory_remove,
	.get = memory_get,
	.get_all = memory_get_all,
	.users = memory_users,
	.find = memory_find,
	.expire = memory_expire,
	.search = memory_search,
	.extent = memory_extent,
	.outdated = memory_outdated,
};

static void load(pc_module *m)
{
	pc_provide(m, "storage-memory", &driver);
}

PC_MODULE(storage_memory, .summary = "Storage in memory, lost at the end", .scope = PC_GLOBAL,
          .no_reload = true, .load = load);

/* mod_storage_sqlite - the embedded database. */
#include "sqlite.h"

static const pc_store_driver driver = {
	.size = sizeof(pc_store_driver),
	.archives = true,
	.open = sqlite_db_open,
	.close = sqlite_db_close,
	.reader_open = sqlite_reader_open,
	.reader_close = sqlite_reader_close,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.savepoint = sqlite_savepoint,
	.release = sqlite_release,
	.set = sqlite_set,
	.swap = sqlite_swap,
	.purge = sqlite_purge,
	.append = sqlite_append,
	.replace = sqlite_replace,
	.remove = sqlite_remove,
	.get = sqlite_get,
	.get_all = sqlite_get_all,
	.users = sqlite_users,
	.find = sqlite_find,
	.check = sqlite_check,
	.backup = sqlite_backup,
	.restore = sqlite_restore,
	.append_text = sqlite_append_text,
	.expire = sqlite_expire,
	.search = sqlite_search,
	.extent = sqlite_extent,
	.outdated = sqlite_outdated,
};

static const pc_option options[] = {
	{ .name = "data_path",
	  .type = PC_OPT_PATH,
	  .dflt = "data",
	  .help = "The folder in which the server keeps its data." },
	{ .name = "sql_database",
	  .type = PC_OPT_STRING,
	  .dflt = "prosody.sqlite",
	  .help = "File of the embedded database, seen from the data folder." },
	{ .name = "sql",
	  .type = PC_OPT_TABLE,
	  .help = "Prosody's table; its field database names the file where sql_database does "
	          "not." },
	{ 0 },
};

static void load(pc_module *m)
{
	pc_provide(m, "storage-sqlite", &driver);
}

PC_MODULE(storage_sqlite, .summary = "Storage in an embedded SQLite database", .scope = PC_GLOBAL,
          .no_reload = true, .options = options, .load = load);

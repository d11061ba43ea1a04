#include <sqlite3.h>
#include <sys/prctl.h>

/// `SQLITE_TRANSIENT` is a cast that Swift does not import: these have SQLite copy the bytes before they return.
static inline int medstream_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *bytes, sqlite3_uint64 count) {
    return sqlite3_bind_text64(statement, index, bytes, count, SQLITE_TRANSIENT, SQLITE_UTF8);
}
static inline int medstream_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, sqlite3_uint64 count) {
    // An empty blob has an address, or it would be NULL.
    return sqlite3_bind_blob64(statement, index, count == 0 ? "" : bytes, count, SQLITE_TRANSIENT);
}

/// Variadic, which Swift cannot call: no statement may corrupt the file on purpose.
static inline int medstream_sqlite_defend(sqlite3 *database) {
    return sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
}

/// Names the running thread for those who look at the process; variadic too.
static inline void medstream_sqlite_name_thread(const char *name) {
    prctl(PR_SET_NAME, name);
}

/// Before the first connection of the process: no counts of memory, which take a lock at each allocation. Variadic too.
static inline int medstream_sqlite_configure(void) {
    return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/*
 * The floor of the stores: what the database gives a program that does nothing but write the same rows.
 *
 *   store_floor sqlite FILE  PRODUCERS SECONDS ROW_BYTES
 *   store_floor postgres URL PRODUCERS SECONDS ROW_BYTES
 *
 * Each producer writes turns one after the other; a turn is two rows, and each is acknowledged before the next step. On
 * SQLite one thread writes for all by group commit (WAL, synchronous=FULL); on PostgreSQL each producer has a connection
 * and commits for itself. Prints JSON: turns a second and the latency of a whole turn.
 */
#include <libpq-fe.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_PRODUCERS = 1024, MOST_BATCH = 512, MOST_TURNS = 4 << 20 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(3);
}

static const char *place;
static char *row;
static int row_bytes, producers;
static double end;
static float *latencies;
static long turns;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void note(double begun) {
    pthread_mutex_lock(&lock);
    if (turns < MOST_TURNS) latencies[turns++] = now() - begun;
    pthread_mutex_unlock(&lock);
}

/* SQLite: a queue of writes, of which one thread commits as many as there are. */
static pthread_cond_t work = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static long asked, committed;
static int talking;

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL)) fail(sql, sqlite3_errmsg(db));
    return statement;
}

static void step(sqlite3 *db, sqlite3_stmt *statement) {
    if (sqlite3_step(statement) != SQLITE_DONE) fail("step", sqlite3_errmsg(db));
    sqlite3_reset(statement);
}

static void *write_for_all(void *unused) {
    (void)unused;
    sqlite3 *db;
    char *why = NULL;
    if (sqlite3_open(place, &db)) fail(place, sqlite3_errmsg(db));
    if (sqlite3_exec(db,
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=1000;"
            "CREATE TABLE IF NOT EXISTS row(id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT", NULL, NULL, &why))
        fail("schema", why);
    sqlite3_stmt *begin = prepare(db, "BEGIN IMMEDIATE"), *commit = prepare(db, "COMMIT");
    sqlite3_stmt *insert = prepare(db, "INSERT INTO row(body) VALUES (?)");
    sqlite3_bind_blob(insert, 1, row, row_bytes, SQLITE_STATIC);
    for (long written = 0;;) {
        pthread_mutex_lock(&lock);
        while (asked == written && talking) pthread_cond_wait(&work, &lock);
        long batch = asked - written;
        pthread_mutex_unlock(&lock);
        if (batch == 0) break;
        if (batch > MOST_BATCH) batch = MOST_BATCH;
        step(db, begin);
        for (long each = 0; each < batch; each++) step(db, insert);
        step(db, commit);
        written += batch;
        pthread_mutex_lock(&lock);
        committed = written;
        pthread_cond_broadcast(&done);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void *produce_sqlite(void *unused) {
    (void)unused;
    for (double begun; (begun = now()) < end;) {
        for (int step = 0; step < 2; step++) {
            pthread_mutex_lock(&lock);
            long mine = ++asked;
            pthread_cond_signal(&work);
            while (committed < mine) pthread_cond_wait(&done, &lock);
            pthread_mutex_unlock(&lock);
        }
        note(begun);
    }
    pthread_mutex_lock(&lock);
    talking--;
    pthread_cond_signal(&work);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void *produce_postgres(void *unused) {
    (void)unused;
    PGconn *db = PQconnectdb(place);
    if (PQstatus(db) != CONNECTION_OK) fail("connect", PQerrorMessage(db));
    PGresult *made = PQprepare(db, "insert", "INSERT INTO store_floor(body) VALUES ($1)", 1, NULL);
    if (PQresultStatus(made) != PGRES_COMMAND_OK) fail("prepare", PQerrorMessage(db));
    PQclear(made);
    const int binary = 1;
    for (double begun; (begun = now()) < end;) {
        for (int step = 0; step < 2; step++) {
            PGresult *result =
                PQexecPrepared(db, "insert", 1, (const char *const *)&row, &row_bytes, &binary, 0);
            if (PQresultStatus(result) != PGRES_COMMAND_OK) fail("insert", PQerrorMessage(db));
            PQclear(result);
        }
        note(begun);
    }
    PQfinish(db);
    return NULL;
}

static void prepare_postgres(void) {
    PGconn *db = PQconnectdb(place);
    PGresult *result = PQexec(db,
        "DROP TABLE IF EXISTS store_floor;"
        "CREATE TABLE store_floor(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea NOT NULL)");
    if (PQresultStatus(result) != PGRES_COMMAND_OK) fail("schema", PQerrorMessage(db));
    PQclear(result);
    PQfinish(db);
}

static int ascending(const void *left, const void *right) {
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

int main(int count, char **arguments) {
    if (count != 6) fail("usage", "store_floor sqlite|postgres PLACE PRODUCERS SECONDS ROW_BYTES");
    int is_sqlite = !strcmp(arguments[1], "sqlite");
    double seconds = atof(arguments[4]);
    place = arguments[2];
    producers = atoi(arguments[3]);
    row_bytes = atoi(arguments[5]);
    if (producers < 1 || producers > MOST_PRODUCERS || row_bytes < 1) fail("usage", "numbers out of range");
    row = malloc(row_bytes);
    latencies = malloc(MOST_TURNS * sizeof *latencies);
    if (!row || !latencies) fail("memory", "not enough");
    /* What is sealed does not compress. */
    srandom(1);
    for (int at = 0; at < row_bytes; at++) row[at] = random() >> 8;
    if (!is_sqlite) prepare_postgres();
    talking = producers;
    double begun = now();
    end = begun + seconds;
    pthread_t writer, each[MOST_PRODUCERS];
    if (is_sqlite) pthread_create(&writer, NULL, write_for_all, NULL);
    for (int at = 0; at < producers; at++)
        pthread_create(&each[at], NULL, is_sqlite ? produce_sqlite : produce_postgres, NULL);
    for (int at = 0; at < producers; at++) pthread_join(each[at], NULL);
    double took = now() - begun;
    qsort(latencies, turns, sizeof *latencies, ascending);
    printf("{\"turns_per_second\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"worst_ms\":%.3f}\n", turns / took,
        1000 * latencies[turns / 2], 1000 * latencies[turns * 99 / 100], 1000 * latencies[turns - 1]);
    return 0;
}

/*
 * The floor of the stores: what the database gives a program that does nothing but write the rows of a turn.
 *
 *   store_floor sqlite FILE  PRODUCERS SECONDS ROW_BYTES
 *   store_floor postgres URL PRODUCERS SECONDS ROW_BYTES
 *
 * Each producer writes turns one after the other. A turn is two commits, the second after the first was acknowledged: the
 * question with the opened row of its answer, its conversation and its key; then the answer with the job that follows.
 * Nothing is looked up, checked or sealed. On SQLite one thread writes for all by group commit (WAL, synchronous=FULL);
 * on PostgreSQL each producer has a connection, and each commit is one statement. Prints JSON: turns a second and the
 * latency of a whole turn.
 */
#include <libpq-fe.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_PRODUCERS = 1024, MOST_TURNS = 4 << 20 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(3);
}

#define SCHEMA(text, blob)                                                                                             \
    "CREATE TABLE floor_conversation(id " text " PRIMARY KEY, messages bigint NOT NULL, body " blob " NOT NULL);"       \
    "CREATE TABLE floor_message(id " text " PRIMARY KEY, conversation " text " NOT NULL, sequence bigint NOT NULL,"     \
    " body " blob " NOT NULL);"                                                                                        \
    "CREATE INDEX floor_message_sequence ON floor_message(conversation, sequence);"                                    \
    "CREATE TABLE floor_key(print " text " PRIMARY KEY, body " blob " NOT NULL);"                                       \
    "CREATE TABLE floor_job(id " text " PRIMARY KEY, body " blob " NOT NULL)"

enum { KEY_BYTES = 120, JOB_BYTES = 300, OPENED_BYTES = 60, TURNS_EACH = 20 };

/* One producer's place: names that are ordered by time, as the product's are. */
typedef struct turn {
    long number;
    char conversation[48], question[48], answer[48], key[48];
} turn;

static void name(turn *t, int producer) {
    long number = t->number++;
    if (number % TURNS_EACH == 0) snprintf(t->conversation, sizeof t->conversation, "%014ld-%06d-conversation", number, producer);
    snprintf(t->question, sizeof t->question, "%014ld-%06d-question-----", number, producer);
    snprintf(t->answer, sizeof t->answer, "%014ld-%06d-the-answer---", number, producer);
    /* A key is known by its hash, which lies anywhere. */
    unsigned long mixed = ((unsigned long)number << 20 | (unsigned long)producer) * 0x9E3779B97F4A7C15ul;
    snprintf(t->key, sizeof t->key, "%016lx%016lx", mixed, mixed ^ 0x5555555555555555ul);
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

/* SQLite: producers in a ring, of whose turns one thread commits the steps of as many as wait. */
typedef struct producer {
    turn turn;
    int step, is_waiting;
    pthread_cond_t done;
} producer;

static producer each[MOST_PRODUCERS];
static int waiting[MOST_PRODUCERS], waiting_count, talking;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static sqlite3 *db;

static sqlite3_stmt *prepare(const char *sql) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL)) fail(sql, sqlite3_errmsg(db));
    return statement;
}

/* Binds what is given, in this order; of the row so many bytes. */
static void step(sqlite3_stmt *statement, const char *first, const char *second, long number, int bytes) {
    int at = 0;
    if (first) sqlite3_bind_text(statement, ++at, first, -1, SQLITE_STATIC);
    if (second) sqlite3_bind_text(statement, ++at, second, -1, SQLITE_STATIC);
    if (number) sqlite3_bind_int64(statement, ++at, number);
    if (bytes) sqlite3_bind_blob(statement, ++at, row, bytes, SQLITE_STATIC);
    if (sqlite3_step(statement) != SQLITE_DONE) fail(sqlite3_sql(statement), sqlite3_errmsg(db));
    sqlite3_reset(statement);
}

static void *write_for_all(void *unused) {
    (void)unused;
    sqlite3_stmt *begin = prepare("BEGIN IMMEDIATE"), *commit = prepare("COMMIT");
    sqlite3_stmt *converse = prepare("INSERT INTO floor_conversation(id, messages, body) VALUES (?1, ?2, ?3)"
                                     " ON CONFLICT(id) DO UPDATE SET messages = excluded.messages");
    sqlite3_stmt *add = prepare("INSERT INTO floor_message(id, conversation, sequence, body) VALUES (?, ?, ?, ?)");
    sqlite3_stmt *key = prepare("INSERT INTO floor_key(print, body) VALUES (?, ?)");
    sqlite3_stmt *finish = prepare("UPDATE floor_message SET body = ?2 WHERE id = ?1");
    sqlite3_stmt *job = prepare("INSERT INTO floor_job(id, body) VALUES (?, ?)");
    for (int batch[MOST_PRODUCERS], count;;) {
        pthread_mutex_lock(&lock);
        while (!waiting_count && talking) pthread_cond_wait(&work, &lock);
        count = waiting_count;
        memcpy(batch, waiting, count * sizeof *batch);
        waiting_count = 0;
        pthread_mutex_unlock(&lock);
        if (!count) return NULL;
        step(begin, NULL, NULL, 0, 0);
        for (int at = 0; at < count; at++) {
            turn *t = &each[batch[at]].turn;
            if (each[batch[at]].step == 0) {
                step(converse, t->conversation, NULL, 2 * t->number, KEY_BYTES);
                step(add, t->question, t->conversation, 2 * t->number - 1, row_bytes);
                step(add, t->answer, t->conversation, 2 * t->number, OPENED_BYTES);
                step(key, t->key, NULL, 0, KEY_BYTES);
            } else {
                step(finish, t->answer, NULL, 0, row_bytes);
                step(job, t->answer, NULL, 0, JOB_BYTES);
            }
        }
        step(commit, NULL, NULL, 0, 0);
        pthread_mutex_lock(&lock);
        for (int at = 0; at < count; at++) {
            each[batch[at]].is_waiting = 0;
            pthread_cond_signal(&each[batch[at]].done);
        }
        pthread_mutex_unlock(&lock);
    }
}

static void *produce_sqlite(void *number) {
    int own = (int)(long)number;
    producer *p = &each[own];
    for (double begun; (begun = now()) < end;) {
        name(&p->turn, own);
        pthread_mutex_lock(&lock);
        for (p->step = 0; p->step < 2; p->step++) {
            p->is_waiting = 1;
            waiting[waiting_count++] = own;
            pthread_cond_signal(&work);
            while (p->is_waiting) pthread_cond_wait(&p->done, &lock);
        }
        pthread_mutex_unlock(&lock);
        note(begun);
    }
    pthread_mutex_lock(&lock);
    talking--;
    pthread_cond_signal(&work);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void prepare_sqlite(void) {
    char *why = NULL;
    if (sqlite3_open(place, &db)) fail(place, sqlite3_errmsg(db));
    if (sqlite3_exec(db,
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=1000;"
            "PRAGMA cache_size=-16384;" SCHEMA("TEXT", "BLOB"), NULL, NULL, &why))
        fail("schema", why);
    for (int at = 0; at < producers; at++) pthread_cond_init(&each[at].done, NULL);
}

static void run(PGconn *link, PGresult *result, ExecStatusType wanted) {
    if (PQresultStatus(result) != wanted) fail("postgres", PQerrorMessage(link));
    PQclear(result);
}

static void commit_once(PGconn *link, const char *statement, int count, const char **values, int *lengths, int *formats) {
    run(link, PQexecPrepared(link, statement, count, values, lengths, formats, 0), PGRES_COMMAND_OK);
}

static void *produce_postgres(void *number) {
    int own = (int)(long)number;
    turn t = {0};
    PGconn *link = PQconnectdb(place);
    if (PQstatus(link) != CONNECTION_OK) fail("connect", PQerrorMessage(link));
    run(link, PQprepare(link, "ask",
        "WITH a AS (INSERT INTO floor_conversation(id, messages, body) VALUES ($1, $5::bigint, $7)"
        " ON CONFLICT(id) DO UPDATE SET messages = excluded.messages),"
        " b AS (INSERT INTO floor_message(id, conversation, sequence, body)"
        " VALUES ($2, $1, $5::bigint - 1, $6), ($3, $1, $5::bigint, $8))"
        " INSERT INTO floor_key(print, body) VALUES ($4, $7)", 0, NULL), PGRES_COMMAND_OK);
    run(link, PQprepare(link, "answer",
        "WITH a AS (UPDATE floor_message SET body = $2 WHERE id = $1)"
        " INSERT INTO floor_job(id, body) VALUES ($1, $3)", 0, NULL), PGRES_COMMAND_OK);
    for (double begun; (begun = now()) < end;) {
        char sequence[24];
        name(&t, own);
        snprintf(sequence, sizeof sequence, "%ld", 2 * t.number);
        const char *ask[] = {t.conversation, t.question, t.answer, t.key, sequence, row, row, row};
        int ask_lengths[] = {0, 0, 0, 0, 0, row_bytes, KEY_BYTES, OPENED_BYTES}, ask_formats[] = {0, 0, 0, 0, 0, 1, 1, 1};
        commit_once(link, "ask", 8, ask, ask_lengths, ask_formats);
        const char *answer[] = {t.answer, row, row};
        int answer_lengths[] = {0, row_bytes, JOB_BYTES}, answer_formats[] = {0, 1, 1};
        commit_once(link, "answer", 3, answer, answer_lengths, answer_formats);
        note(begun);
    }
    PQfinish(link);
    return NULL;
}

static void prepare_postgres(void) {
    PGconn *link = PQconnectdb(place);
    run(link, PQexec(link, SCHEMA("text", "bytea")), PGRES_COMMAND_OK);
    PQfinish(link);
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
    if (producers < 1 || producers > MOST_PRODUCERS || row_bytes < JOB_BYTES) fail("usage", "numbers out of range");
    row = malloc(row_bytes);
    latencies = malloc(MOST_TURNS * sizeof *latencies);
    if (!row || !latencies) fail("memory", "not enough");
    /* What is sealed does not compress. */
    srandom(1);
    for (int at = 0; at < row_bytes; at++) row[at] = random() >> 8;
    is_sqlite ? prepare_sqlite() : prepare_postgres();
    talking = producers;
    double begun = now();
    end = begun + seconds;
    pthread_t writer, threads[MOST_PRODUCERS];
    if (is_sqlite) pthread_create(&writer, NULL, write_for_all, NULL);
    for (int at = 0; at < producers; at++)
        pthread_create(&threads[at], NULL, is_sqlite ? produce_sqlite : produce_postgres, (void *)(long)at);
    for (int at = 0; at < producers; at++) pthread_join(threads[at], NULL);
    double took = now() - begun;
    qsort(latencies, turns, sizeof *latencies, ascending);
    printf("{\"turns_per_second\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"worst_ms\":%.3f}\n", turns / took,
        1000 * latencies[turns / 2], 1000 * latencies[turns * 99 / 100], 1000 * latencies[turns - 1]);
    return 0;
}

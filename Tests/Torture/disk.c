/*
 * A disk whose power can be cut and that can fail, for one flat folder; preloaded into the programs under test.
 *
 *   DISK_FOLDER   the folder that is watched
 *   DISK_PLATTER  what would be found after a power cut: a file's bytes come here when fsync or fdatasync returns,
 *                 and a new file's name when its folder is synced
 *   DISK_FAULT    a file; while it holds a number, every write in the folder fails with that errno; while the number is
 *                 negative, it hangs
 *
 * Syncing looks at every block that was not known to be on the platter, whoever wrote it: processes share a byte for each
 * block, beside the platter in a folder of the same name with ".marks". Whoever changes the platter by hand removes that.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 64 << 10, BLOCKS = 1 << 14, MOST_FILES = 64 };

/* What is known of a block: it may differ, it is the same on the platter, or it is being brought there. */
enum { DIFFERS = 0, SAME = 1, MOVING = 2 };

/* The next definition of the function it stands in: the C library's. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* The name of a path within the folder; NULL for any other path, "" for the folder itself. */
static const char *watched(const char *path) {
    const char *folder = getenv("DISK_FOLDER");
    if (!folder || !path) return NULL;
    size_t length = strlen(folder);
    if (strncmp(path, folder, length) || (path[length] != '/' && path[length])) return NULL;
    return path[length] ? path + length + 1 : "";
}

static const char *watched_handle(int handle, char path[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return NULL;
    path[length] = 0;
    return watched(path);
}

/* A name that no synced folder tells of yet begins with a dot. */
static int on_platter(const char *name, int is_named, char path[PATH_MAX]) {
    const char *platter = getenv("DISK_PLATTER");
    /* What stands in a folder below are locks, which nobody misses. */
    if (!platter || !*name || strchr(name, '/')) return 0;
    return snprintf(path, PATH_MAX, "%s/%s%s", platter, is_named ? "" : ".", name) < PATH_MAX;
}

/* The marks of a file, which all processes share; never taken back. */
static unsigned char *marks(const char *name) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct { char name[NAME_MAX + 1]; unsigned char *marks; } known[MOST_FILES];
    static int count;
    const char *platter = getenv("DISK_PLATTER");
    if (!platter || !*name || strchr(name, '/')) return NULL;
    unsigned char *found = NULL;
    pthread_mutex_lock(&lock);
    for (int at = 0; at < count && !found; at++)
        if (!strcmp(known[at].name, name)) found = known[at].marks;
    if (!found && count < MOST_FILES) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s.marks", platter);
        mkdir(path, 0700);
        snprintf(path, sizeof path, "%s.marks/%s", platter, name);
        int file = REAL(open)(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (file < 0 || REAL(ftruncate)(file, BLOCKS)) abort();
        found = mmap(NULL, BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        close(file);
        if (found == MAP_FAILED) abort();
        snprintf(known[count].name, sizeof known[count].name, "%s", name);
        known[count++].marks = found;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

/* Nothing is known of a file any more. */
static void forget(const char *name) {
    unsigned char *all = name ? marks(name) : NULL;
    if (all) memset(all, DIFFERS, BLOCKS);
}

static void written(int handle, off_t place, size_t count) {
    char path[PATH_MAX];
    const char *name = getenv("DISK_PLATTER") ? watched_handle(handle, path) : NULL;
    unsigned char *all = name ? marks(name) : NULL;
    if (!all || !count) return;
    off_t last = (place + (off_t)count - 1) / BLOCK;
    for (off_t block = place / BLOCK; block <= last && block < BLOCKS; block++)
        __atomic_store_n(&all[block], DIFFERS, __ATOMIC_SEQ_CST);
}

/*
 * Brings the file to the platter, block by block; a kill in between leaves some of them, as a power cut would.
 * It reads by the handle given where that can be read: closing another one of the same file would give up the process's
 * locks on it, and another process would take away the log under its feet.
 */
static void keep(int handle, const char *name) {
    char path[PATH_MAX], own[64], now[BLOCK], then[BLOCK];
    if (!on_platter(name, 1, path)) return;
    if (access(path, F_OK)) on_platter(name, 0, path);
    unsigned char *all = marks(name);
    if (access(path, F_OK)) forget(name);
    snprintf(own, sizeof own, "/proc/self/fd/%d", handle);
    int is_readable = (fcntl(handle, F_GETFL) & O_ACCMODE) != O_WRONLY;
    int from = is_readable ? handle : REAL(open)(own, O_RDONLY | O_CLOEXEC);
    int to = REAL(open)(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat facts;
    if (from < 0 || to < 0 || flock(to, LOCK_EX) || fstat(from, &facts)) abort();
    if (REAL(ftruncate)(to, facts.st_size)) abort();
    for (off_t place = 0; place < facts.st_size; place += BLOCK) {
        unsigned char *mark = all && place / BLOCK < BLOCKS ? &all[place / BLOCK] : NULL, moving = MOVING;
        if (mark && __atomic_load_n(mark, __ATOMIC_SEQ_CST) == SAME) continue;
        if (mark) __atomic_store_n(mark, MOVING, __ATOMIC_SEQ_CST);
        ssize_t size = pread(from, now, BLOCK, place), old = pread(to, then, BLOCK, place);
        if (size <= 0) break;
        if ((size != old || memcmp(now, then, size)) && REAL(pwrite)(to, now, size, place) != size) abort();
        /* Unless it was written meanwhile. */
        if (mark) __atomic_compare_exchange_n(mark, &moving, SAME, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
    if (!is_readable) close(from);
    close(to);
}

/* The folder was synced: its new files have their names from now on. */
static void keep_names(void) {
    const char *platter = getenv("DISK_PLATTER");
    DIR *folder = platter ? opendir(platter) : NULL;
    if (!folder) return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char from[PATH_MAX], to[PATH_MAX];
        const char *name = entry->d_name;
        if (name[0] != '.' || !strcmp(name, ".") || !strcmp(name, "..")) continue;
        if (on_platter(name + 1, 0, from) && on_platter(name + 1, 1, to)) REAL(rename)(from, to);
    }
    closedir(folder);
}

static void synced(int handle) {
    char path[PATH_MAX];
    int kept = errno;
    const char *name = watched_handle(handle, path);
    struct stat facts;
    if (name && !*name) keep_names();
    else if (name && !fstat(handle, &facts) && S_ISREG(facts.st_mode)) keep(handle, name);
    errno = kept;
}

/* The errno with which writing fails now, 0 when it does not. */
static int fault(void) {
    const char *path = getenv("DISK_FAULT");
    char text[16] = "";
    int handle = path ? REAL(open)(path, O_RDONLY | O_CLOEXEC) : -1;
    if (handle < 0) return 0;
    ssize_t size = read(handle, text, sizeof text - 1);
    close(handle);
    return size > 0 ? atoi(text) : 0;
}

static int fails(const char *name) {
    int kept = errno, number = name ? fault() : 0;
    while (number < 0) {
        usleep(10000);
        number = fault();
    }
    errno = number ? number : kept;
    return number;
}

static int fails_handle(int handle) {
    char path[PATH_MAX];
    return getenv("DISK_FAULT") && fails(watched_handle(handle, path));
}

int fsync(int handle) {
    if (fails_handle(handle)) return -1;
    int result = REAL(fsync)(handle);
    if (!result) synced(handle);
    return result;
}

int fdatasync(int handle) {
    if (fails_handle(handle)) return -1;
    int result = REAL(fdatasync)(handle);
    if (!result) synced(handle);
    return result;
}

int unlink(const char *path) {
    const char *name = watched(path);
    if (fails(name)) return -1;
    int result = REAL(unlink)(path);
    if (!result) forget(name);
    char kept[PATH_MAX];
    if (!result && name && on_platter(name, 1, kept)) REAL(unlink)(kept);
    if (!result && name && on_platter(name, 0, kept)) REAL(unlink)(kept);
    return result;
}

/* What replaces a file has its name at once: the folder's journal writes both in one step. */
int rename(const char *from, const char *to) {
    const char *old = watched(from), *new = watched(to);
    if (fails(old) || fails(new)) return -1;
    int result = REAL(rename)(from, to);
    if (!result) forget(old);
    if (!result) forget(new);
    char source[PATH_MAX], target[PATH_MAX];
    if (result || !old || !new) return result;
    if (!on_platter(old, 1, source) || access(source, F_OK)) on_platter(old, 0, source);
    if (on_platter(new, 1, target)) REAL(rename)(source, target);
    return result;
}

/* A second name for a file, which is safe when its folder is. */
int link(const char *from, const char *to) {
    const char *old = watched(from), *new = watched(to);
    if (fails(old) || fails(new)) return -1;
    int result = REAL(link)(from, to);
    if (!result) forget(new);
    char source[PATH_MAX], target[PATH_MAX];
    if (result || !old || !new) return result;
    if (!on_platter(old, 1, source) || access(source, F_OK)) on_platter(old, 0, source);
    if (on_platter(new, 0, target)) REAL(link)(source, target);
    return result;
}

ssize_t write(int handle, const void *bytes, size_t count) {
    char path[PATH_MAX];
    if (fails_handle(handle)) return -1;
    ssize_t result = REAL(write)(handle, bytes, count);
    if (getenv("DISK_PLATTER")) forget(watched_handle(handle, path));
    return result;
}

ssize_t pwrite(int handle, const void *bytes, size_t count, off_t place) {
    if (fails_handle(handle)) return -1;
    ssize_t result = REAL(pwrite)(handle, bytes, count, place);
    written(handle, place, count);
    return result;
}

ssize_t pwrite64(int handle, const void *bytes, size_t count, off64_t place) {
    if (fails_handle(handle)) return -1;
    ssize_t result = REAL(pwrite64)(handle, bytes, count, place);
    written(handle, place, count);
    return result;
}

#define RESIZES(call)                                                                                                  \
    char path[PATH_MAX];                                                                                               \
    if (fails_handle(handle)) return -1;                                                                               \
    int result = call;                                                                                                 \
    if (getenv("DISK_PLATTER")) forget(watched_handle(handle, path));                                                  \
    return result

int ftruncate(int handle, off_t size) { RESIZES(REAL(ftruncate)(handle, size)); }

int ftruncate64(int handle, off64_t size) { RESIZES(REAL(ftruncate64)(handle, size)); }

int fallocate(int handle, int mode, off_t place, off_t size) { RESIZES(REAL(fallocate)(handle, mode, place, size)); }

int posix_fallocate(int handle, off_t place, off_t size) {
    return fails_handle(handle) ? errno : REAL(posix_fallocate)(handle, place, size);
}

static int wants_to_write(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)); }

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;                                              \
        va_end(rest);                                                                                                  \
        if (wants_to_write(flags) && fails(watched(path))) return -1;                                                  \
        return REAL(name)(path, flags, mode);                                                                          \
    }

OPEN(open)
OPEN(open64)

/*
 * A disk whose power can be cut and that can fail, for one flat folder; preloaded into the programs under test.
 *
 *   DISK_FOLDER   the folder that is watched
 *   DISK_PLATTER  what would be found after a power cut: a file's bytes come here when fsync or fdatasync returns,
 *                 and a new file's name when its folder is synced
 *   DISK_FAULT    a file; while it holds a number, every write in the folder fails with that errno; while the number is
 *                 negative, it hangs
 *
 * Syncing compares whole files, since another process may have written what this one syncs: for small files only.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 64 << 10 };

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

/*
 * Brings the file to the platter, block by block; a kill in between leaves some of them, as a power cut would.
 * It reads by the handle given where that can be read: closing another one of the same file would give up the process's
 * locks on it, and another process would take away the log under its feet.
 */
static void keep(int handle, const char *name) {
    char path[PATH_MAX], own[64], now[BLOCK], then[BLOCK];
    if (!on_platter(name, 1, path)) return;
    if (access(path, F_OK)) on_platter(name, 0, path);
    snprintf(own, sizeof own, "/proc/self/fd/%d", handle);
    int is_readable = (fcntl(handle, F_GETFL) & O_ACCMODE) != O_WRONLY;
    int from = is_readable ? handle : REAL(open)(own, O_RDONLY | O_CLOEXEC);
    int to = REAL(open)(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat facts;
    if (from < 0 || to < 0 || flock(to, LOCK_EX) || fstat(from, &facts)) abort();
    if (REAL(ftruncate)(to, facts.st_size)) abort();
    for (off_t place = 0; place < facts.st_size; place += BLOCK) {
        ssize_t size = pread(from, now, BLOCK, place), old = pread(to, then, BLOCK, place);
        if (size <= 0) break;
        if ((size != old || memcmp(now, then, size)) && REAL(pwrite)(to, now, size, place) != size) abort();
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
    char source[PATH_MAX], target[PATH_MAX];
    if (result || !old || !new) return result;
    if (!on_platter(old, 1, source) || access(source, F_OK)) on_platter(old, 0, source);
    if (on_platter(new, 0, target)) REAL(link)(source, target);
    return result;
}

ssize_t write(int handle, const void *bytes, size_t count) {
    return fails_handle(handle) ? -1 : REAL(write)(handle, bytes, count);
}

ssize_t pwrite(int handle, const void *bytes, size_t count, off_t place) {
    return fails_handle(handle) ? -1 : REAL(pwrite)(handle, bytes, count, place);
}

ssize_t pwrite64(int handle, const void *bytes, size_t count, off64_t place) {
    return fails_handle(handle) ? -1 : REAL(pwrite64)(handle, bytes, count, place);
}

int ftruncate(int handle, off_t size) { return fails_handle(handle) ? -1 : REAL(ftruncate)(handle, size); }

int ftruncate64(int handle, off64_t size) { return fails_handle(handle) ? -1 : REAL(ftruncate64)(handle, size); }

int fallocate(int handle, int mode, off_t place, off_t size) {
    return fails_handle(handle) ? -1 : REAL(fallocate)(handle, mode, place, size);
}

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

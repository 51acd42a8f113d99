/* Loaded before the C library by tests/crash/shim.rs: remembers what a disk that loses all that was not synced would hold.
 *
 * A sync of a file copies its bytes, and a sync of a directory its names, to the folder ANTEROOM_SHIM_MIRROR, under what
 * tells the file from all others, so that its name may change. What was not synced is not in there. The copy is made before
 * the sync and counts from its rename on: whoever hears that something was acknowledged after a sync finds it in the mirror. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A test that could go wrong unseen proves nothing. */
static void must(int holds, const char *what) {
    if (!holds) {
        perror(what);
        abort();
    }
}

/* What tells a file or directory from all others that are or were: an inode's number is given again, with another birth. */
static int is_directory(int at, const char *name, char key[64]) {
    struct statx found;
    int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);
    if (statx(at, name, flags, STATX_TYPE | STATX_INO | STATX_BTIME, &found) != 0) {
        return -1;
    }
    must((found.stx_mask & STATX_BTIME) != 0, "this file system does not tell when a file was made");
    snprintf(key, 64, "%llu.%lld.%u", (unsigned long long)found.stx_ino, (long long)found.stx_btime.tv_sec,
             found.stx_btime.tv_nsec);
    return S_ISDIR(found.stx_mode);
}

static void copy_names(int from, FILE *to) {
    int again = openat(from, ".", O_RDONLY | O_DIRECTORY);
    must(again >= 0, "openat");
    DIR *names = fdopendir(again);
    must(names != NULL, "fdopendir");
    for (struct dirent *entry; (entry = readdir(names)) != NULL;) {
        char key[64];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        int directory = is_directory(again, entry->d_name, key);
        /* It may have gone meanwhile. */
        if (directory >= 0) {
            must(fprintf(to, "%c %s %s\n", directory ? 'd' : 'f', key, entry->d_name) > 0, "fprintf");
        }
    }
    closedir(names);
}

static void copy_bytes(int from, FILE *to) {
    char path[64], bytes[1 << 16];
    snprintf(path, sizeof path, "/proc/self/fd/%d", from);
    int again = open(path, O_RDONLY | O_CLOEXEC);
    must(again >= 0, "open");
    for (ssize_t length; (length = read(again, bytes, sizeof bytes)) != 0;) {
        must(length > 0 && fwrite(bytes, 1, length, to) == (size_t)length, "copy");
    }
    close(again);
}

static void keep(int file) {
    const char *mirror = getenv("ANTEROOM_SHIM_MIRROR"), *root = getenv("ANTEROOM_SHIM_ROOT");
    char link[64], path[PATH_MAX], key[64], new[PATH_MAX], kept[PATH_MAX];
    if (mirror == NULL || root == NULL) {
        return;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0 || strncmp(path, root, strlen(root)) != 0) {
        return;
    }
    int directory = is_directory(file, "", key);
    must(directory >= 0, "statx");
    snprintf(new, sizeof new, "%s/new.%ld", mirror, (long)syscall(SYS_gettid));
    snprintf(kept, sizeof kept, "%s/%s", mirror, key);
    FILE *to = fopen(new, "w");
    must(to != NULL, "fopen");
    (directory ? copy_names : copy_bytes)(file, to);
    must(fclose(to) == 0 && rename(new, kept) == 0, "keep");
}

int fsync(int file) {
    keep(file);
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file) {
    keep(file);
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}

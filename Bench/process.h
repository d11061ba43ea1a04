// What the kernel counts for a process: CPU time and resident memory, read from /proc.
#pragma once
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/// Nanoseconds on a CPU, summed over the threads; finer than the 10 ms ticks of /proc/PID/stat.
static uint64_t process_cpu_ns(int pid) {
    char path[64];
    uint64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks) return 0;
    for (struct dirent *task; (task = readdir(tasks));) {
        char file[400];
        unsigned long long on_cpu;
        if (task->d_name[0] == '.') continue;
        snprintf(file, sizeof file, "%s/%s/schedstat", path, task->d_name);
        FILE *f = fopen(file, "r");
        if (!f) continue;
        if (fscanf(f, "%llu", &on_cpu) == 1) sum += on_cpu;
        fclose(f);
    }
    closedir(tasks);
    return sum;
}

/// Resident memory in KiB.
static long process_memory_kib(int pid) {
    char path[64], line[256];
    long value = 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    while (fgets(line, sizeof line, f) && sscanf(line, "VmRSS: %ld", &value) != 1) {}
    fclose(f);
    return value;
}

/// Milliseconds that all CPUs of the machine have spent at work since boot.
static uint64_t machine_busy_ms(void) {
    unsigned long long user = 0, nice = 0, system = 0, idle, wait, irq = 0, soft = 0, stolen = 0;
    FILE *f = fopen("/proc/stat", "r");
    if (!f) return 0;
    if (fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &wait, &irq, &soft,
               &stolen) != 8) user = 0;
    fclose(f);
    return (user + nice + system + irq + soft + stolen) * 10;
}

/// Nanoseconds of CPU this process has used.
static uint64_t own_cpu_ns(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u
        + (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
}

#define _GNU_SOURCE
#include "CSocketShim.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

int medstream_accept(int listener, void *address, unsigned int capacity) {
    socklen_t length = capacity;
    int one = 1;
    int fd = accept4(listener, address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

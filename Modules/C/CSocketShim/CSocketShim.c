#define _GNU_SOURCE
#include "CSocketShim.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

int medstream_accept(int listener, void *address, unsigned int capacity) {
    socklen_t length = capacity;
    int one = 1;
    int fd = accept4(listener, address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    // What a client that has stopped reading has not been sent yet waits with us, bounded, and not in the kernel, which
    // would take up to 4 MiB for each (tcp_wmem).
    int unsent = 64 * 1024;
    if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    return fd;
}

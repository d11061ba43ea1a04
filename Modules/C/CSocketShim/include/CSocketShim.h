#pragma once

/// The next connection of a listener: non-blocking, close-on-exec, without Nagle's delay. Negative when there is none.
/// In C because Swift's Glibc module shows neither accept4 nor the options of TCP.
///
/// `address` has room for a `struct sockaddr_storage` of `capacity` bytes.
int medstream_accept(int listener, void *address, unsigned int capacity);

/* The header of Debian's node-llhttp, found by the library's own sources under its own name. */
#include "/usr/share/include/llhttp/llhttp.h"

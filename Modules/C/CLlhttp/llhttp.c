#include "llhttp.h" /* chooses the strict parser, which the file asks about in its first line */

#include "/usr/share/llhttp/llhttp.c"

#pragma once

/* Debian's sources hold a loose parser and a strict one, and choose by this: the loose one takes a blank before a
   header's colon, bare line feeds and bytes beyond ASCII in a URL. */
#define LLHTTP_STRICT_MODE 1

/* The header of Debian's node-llhttp, found by the library's own sources under its own name. */
#include "/usr/share/include/llhttp/llhttp.h"

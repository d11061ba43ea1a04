#pragma once
#include <curl/curl.h>
#include <stdint.h>

// libcurl's option and information calls are variadic, which Swift cannot call: one typed door for each kind of
// argument. Each returns what libcurl returns.

CURLcode medstream_curl_easy_set_long(CURL *easy, CURLoption option, long value);
CURLcode medstream_curl_easy_set_offset(CURL *easy, CURLoption option, int64_t value);
/// libcurl copies the string; NULL sets the option back.
CURLcode medstream_curl_easy_set_string(CURL *easy, CURLoption option, const char *value);
/// libcurl keeps the pointer.
CURLcode medstream_curl_easy_set_pointer(CURL *easy, CURLoption option, const void *value);

/// For body bytes and for header lines alike.
typedef size_t (*medstream_curl_receive)(char *bytes, size_t size, size_t count, void *context);
CURLcode medstream_curl_easy_set_receive(CURL *easy, CURLoption option, medstream_curl_receive function);
CURLcode medstream_curl_easy_set_prereq(CURL *easy, curl_prereq_callback function);

CURLcode medstream_curl_easy_get_long(CURL *easy, CURLINFO info, long *value);
CURLcode medstream_curl_easy_get_offset(CURL *easy, CURLINFO info, int64_t *value);
CURLcode medstream_curl_easy_get_pointer(CURL *easy, CURLINFO info, void **value);

CURLMcode medstream_curl_multi_set_long(CURLM *multi, CURLMoption option, long value);
CURLMcode medstream_curl_multi_set_socket(CURLM *multi, curl_socket_callback function, void *context);
CURLMcode medstream_curl_multi_set_timer(CURLM *multi, curl_multi_timer_callback function, void *context);

CURLSHcode medstream_curl_share(CURLSH *share, curl_lock_data what);

/* Included before every file that the C compiler sees in the static release.
 *
 * librdkafka takes musl's strerror_r for GNU's, which returns the text, and says "(null)" for every error of the system.
 * musl's strerror is safe for threads. */
#ifndef __ASSEMBLER__
#include <string.h>
#define strerror_r(number, buffer, size) strerror(number)
#endif

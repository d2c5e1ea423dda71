/* 64-bit hashes: FNV-1a over bytes (content identity of scenarios and traces; not cryptographic), and
 * the splitmix64 finaliser (mixing of small integers, Steele et al. 2014). */
#ifndef HEADROOM_BASE_HASH_H
#define HEADROOM_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)
static inline uint64_t hash_bytes(uint64_t so_far, const void *bytes, size_t len) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++) so_far = (so_far ^ at[i]) * UINT64_C(0x100000001b3);
    return so_far;
}
static inline uint64_t hash_mix(uint64_t x) {
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

#endif

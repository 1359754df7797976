/* How long crypto_mb takes for a private RSA operation with the Chinese remainder theorem, eight at a time with one key.
 *
 *   rate BITS BATCHES < parts
 *
 * On standard input are seven lines in hexadecimal: p, q, dp, dq, the inverse of q modulo p, an encoded message, and the
 * signature of it that is expected. It prints nanoseconds of processor time per operation. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BN_OPENSSL_DISABLE
#include <crypto_mb/rsa.h>

#define MOST_BYTES 512
#define LANES 8

static void fail(const char *why)
{
    fprintf(stderr, "rate: %s\n", why);
    exit(1);
}

/* A line of exactly so many bytes, in network order. */
static void read_line(int8u *to, int bytes)
{
    char line[2 * MOST_BYTES + 2];
    if (!fgets(line, sizeof line, stdin) || (int)strcspn(line, "\n") != 2 * bytes) fail("a line of another length");
    for (int i = 0; i < bytes; i++) {
        unsigned byte;
        if (sscanf(line + 2 * i, "%2x", &byte) != 1) fail("a line that is not hexadecimal");
        to[i] = (int8u)byte;
    }
}

/* A line as words, the lowest first. */
static void read_words(int64u *to, int bytes)
{
    int8u number[MOST_BYTES];
    read_line(number, bytes);
    for (int word = 0; word < bytes / 8; word++) {
        to[word] = 0;
        for (int i = 0; i < 8; i++) to[word] = to[word] << 8 | number[bytes - 8 * word - 8 + i];
    }
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 3) fail("rate BITS BATCHES");
    int bits = atoi(argv[1]), batches = atoi(argv[2]), bytes = bits / 8;
    const mbx_RSA_Method *method = mbx_RSA_private_crt_Method(bits);
    if (!method || bytes > MOST_BYTES || batches < 1) fail("no such size");

    int64u parts[5][MOST_BYTES / 16];
    for (int part = 0; part < 5; part++) read_words(parts[part], bytes / 2);
    int8u message[MOST_BYTES], expected[MOST_BYTES], signatures[LANES][MOST_BYTES];
    read_line(message, bytes);
    read_line(expected, bytes);

    const int8u *from[LANES];
    int8u *to[LANES];
    const int64u *by_lane[5][LANES];
    for (int lane = 0; lane < LANES; lane++) {
        from[lane] = message;
        to[lane] = signatures[lane];
        for (int part = 0; part < 5; part++) by_lane[part][lane] = parts[part];
    }
    int8u *buffer = malloc(mbx_RSA_Method_BufSize(method));
    double began = 0;
    /* The first batch is not counted. */
    for (int batch = -1; batch < batches; batch++) {
        if (batch == 0) began = now();
        if (mbx_rsa_private_crt_mb8(from, to, by_lane[0], by_lane[1], by_lane[2], by_lane[3], by_lane[4], bits, method,
                                    buffer) != 0)
            fail("crypto_mb refuses");
    }
    double spent = now() - began;
    for (int lane = 0; lane < LANES; lane++)
        if (memcmp(signatures[lane], expected, bytes) != 0) fail("another signature than expected");
    printf("%.1f\n", spent / batches / LANES);
    return 0;
}

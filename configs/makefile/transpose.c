/* Transposes a matrix in blocks, several times, and checks one of the results. */
#include <stdio.h>
#include <stdlib.h>

#include "matrix.h"
#include "tuned.h"

/* What is built without tuned values, and what -D or tuned.h say instead. */
#ifndef BLOCK_I
#define BLOCK_I 64
#endif
#ifndef BLOCK_J
#define BLOCK_J 64
#endif

#if SIZE % BLOCK_I || SIZE % BLOCK_J
#error "BLOCK_I and BLOCK_J must divide SIZE"
#endif

enum { TURNS = 4, WRONG_RESULT = 65 };

static void transpose(const float *in, float *out)
{
    for (int i = 0; i < SIZE; i += BLOCK_I)
        for (int j = 0; j < SIZE; j += BLOCK_J)
            for (int y = i; y < i + BLOCK_I; y++)
                for (int x = j; x < j + BLOCK_J; x++)
                    out[(size_t)x * SIZE + y] = in[(size_t)y * SIZE + x];
}

int main(void)
{
    float *in = malloc(sizeof(float) * SIZE * SIZE);
    float *out = malloc(sizeof(float) * SIZE * SIZE);
    if (!in || !out)
        return EXIT_FAILURE;
    for (int k = 0; k < SIZE * SIZE; k++)
        in[k] = (float)(k % 8191);
    for (int turn = 0; turn < TURNS; turn++)
        transpose(in, out);
    for (int y = 0; y < SIZE; y++)
        for (int x = 0; x < SIZE; x++)
            if (out[(size_t)x * SIZE + y] != in[(size_t)y * SIZE + x])
                return WRONG_RESULT;
    printf("transposed in blocks of %d x %d\n", BLOCK_I, BLOCK_J);
    free(in);
    free(out);
    return EXIT_SUCCESS;
}

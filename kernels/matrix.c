/* Blocked matrix multiplication, C = A B, of square matrices.
 *
 * BLOCK_I, BLOCK_J and BLOCK_K cut the three loops into blocks, so that what one block of work
 * needs stays in the caches until it is done with. Each must divide SIZE.
 *
 * The elements are small integers, so that the sums are exact in double and a result is either
 * equal to the naive one or wrong. Checking all of it against the naive product would take longer
 * than the product itself. Instead some rows are computed naively and compared element by
 * element, and the whole is tested as C x = A (B x) for a vector x (R. Freivalds, Probabilistic
 * machines can use less running time, 1977): together about 2 % of the work.
 *
 * Exit status: 0; 65 if the product is wrong.
 */
#include <stdint.h>
#include <stdio.h>

#define SIZE 512
#define ROWS_CHECKED 8

_Static_assert(BLOCK_I > 0 && SIZE % BLOCK_I == 0, "BLOCK_I must divide SIZE");
_Static_assert(BLOCK_J > 0 && SIZE % BLOCK_J == 0, "BLOCK_J must divide SIZE");
_Static_assert(BLOCK_K > 0 && SIZE % BLOCK_K == 0, "BLOCK_K must divide SIZE");

static double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

/* The next of a fixed sequence of whole numbers from -8 to 8 (a linear congruential generator,
 * of which the upper bits are used). */
static double next_number(void)
{
    static uint32_t state = 12345;

    state = state * 1664525u + 1013904223u;
    return (double)((state >> 16) % 17) - 8.0;
}

static void multiply_block(int first_i, int first_j, int first_k)
{
    for (int i = first_i; i < first_i + BLOCK_I; ++i)
        for (int k = first_k; k < first_k + BLOCK_K; ++k)
            for (int j = first_j; j < first_j + BLOCK_J; ++j)
                c[i][j] += a[i][k] * b[k][j];
}

static void multiply(void)
{
    for (int i = 0; i < SIZE; i += BLOCK_I)
        for (int k = 0; k < SIZE; k += BLOCK_K)
            for (int j = 0; j < SIZE; j += BLOCK_J)
                multiply_block(i, j, k);
}

static int is_row_right(int i)
{
    double expected[SIZE] = {0.0};

    for (int k = 0; k < SIZE; ++k)
        for (int j = 0; j < SIZE; ++j)
            expected[j] += a[i][k] * b[k][j];
    for (int j = 0; j < SIZE; ++j)
        if (c[i][j] != expected[j]) {
            fprintf(stderr, "matrix: element (%d, %d) is %g; expected %g\n", i, j, c[i][j],
                    expected[j]);
            return 0;
        }
    return 1;
}

static int is_whole_right(void)
{
    static double x[SIZE], bx[SIZE];

    for (int i = 0; i < SIZE; ++i)
        x[i] = next_number() + 9.0; /* 1 to 17: a zero would hide all errors of its column */
    for (int i = 0; i < SIZE; ++i)
        for (int j = 0; j < SIZE; ++j)
            bx[i] += b[i][j] * x[j];
    for (int i = 0; i < SIZE; ++i) {
        double got = 0.0, expected = 0.0;

        for (int j = 0; j < SIZE; ++j) {
            got += c[i][j] * x[j];
            expected += a[i][j] * bx[j];
        }
        if (got != expected) {
            fprintf(stderr, "matrix: row %d times x is %g; expected %g\n", i, got, expected);
            return 0;
        }
    }
    return 1;
}

int main(void)
{
    for (int i = 0; i < SIZE; ++i)
        for (int j = 0; j < SIZE; ++j) {
            a[i][j] = next_number();
            b[i][j] = next_number();
        }
    multiply();
    for (int row = 0; row < SIZE; row += SIZE / ROWS_CHECKED)
        if (!is_row_right(row))
            return 65;
    if (!is_whole_right())
        return 65;
    return 0;
}

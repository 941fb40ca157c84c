/* Adds up a table several times; three macros say how the loops run over it.
 *
 *   ORDER  rows or columns: which index the inner loop counts. Neighbours in a row are
 *          neighbours in memory; neighbours in a column are SIZE numbers apart.
 *   STRIP  width of the strips of columns that the table is cut into.
 *   SUMS   partial sums: additions that need not wait for one another.
 *
 * All numbers are small integers, so every order of adding gives exactly the same sum.
 *
 * Exit status: 0; 65 if the sum is wrong.
 */
#include <stdio.h>

#define SIZE 1024
#define PASSES 6

#define rows 1
#define columns 2

#if ORDER != rows && ORDER != columns
#error "ORDER must be rows or columns"
#endif

_Static_assert(STRIP > 0 && SIZE % STRIP == 0, "STRIP must divide SIZE");
_Static_assert(SUMS > 0 && STRIP % SUMS == 0 && SIZE % SUMS == 0, "SUMS must divide STRIP");

double table[SIZE][SIZE]; /* not static: the compiler must not see that only main writes it */

static double add_strip(int first)
{
    double sums[SUMS] = {0.0};
    double total = 0.0;

#if ORDER == rows
    for (int row = 0; row < SIZE; ++row)
        for (int column = first; column < first + STRIP; column += SUMS)
            for (int s = 0; s < SUMS; ++s)
                sums[s] += table[row][column + s];
#else
    for (int column = first; column < first + STRIP; ++column)
        for (int row = 0; row < SIZE; row += SUMS)
            for (int s = 0; s < SUMS; ++s)
                sums[s] += table[row + s][column];
#endif
    for (int s = 0; s < SUMS; ++s)
        total += sums[s];
    return total;
}

static double add_table(void)
{
    double total = 0.0;

    for (int first = 0; first < SIZE; first += STRIP)
        total += add_strip(first);
    return total;
}

int main(void)
{
    double expected = 0.0;
    double total = 0.0;

    for (int row = 0; row < SIZE; ++row)
        for (int column = 0; column < SIZE; ++column) {
            table[row][column] = (row + 3 * column) % 7;
            expected += table[row][column];
        }
    expected *= PASSES;
    for (int pass = 0; pass < PASSES; ++pass) {
        total += add_table();
        table[pass][pass] += 1.0; /* so that no pass can be skipped as a repetition */
        expected += PASSES - 1 - pass;
    }
    printf("%.0f\n", total);
    if (total != expected) {
        fprintf(stderr, "looping: the sum is %.0f; expected %.0f\n", total, expected);
        return 65;
    }
    return 0;
}

/* The matrix that is transposed. */
#ifndef MATRIX_H
#define MATRIX_H

#define SIZE 2048

#endif

/* Kernels that include this need nothing of it that cuda_emulation.h does not have. */
#include "cuda_emulation.h"

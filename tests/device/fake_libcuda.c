/* A driver library that knows two devices: one on the PCI bus, one built into the chip. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cuInit(unsigned flags)
{
    const char *order = getenv("CUDA_DEVICE_ORDER");
    if (flags || !order || strcmp(order, "PCI_BUS_ID"))
        return 1;
#ifdef NO_DEVICE
    return 100;
#endif
    return 0;
}
int cuDriverGetVersion(int *version) { *version = 12060; return 0; }
int cuDeviceGetCount(int *count)
{
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    *count = visible ? !strcmp(visible, "GPU-1") : 2;
    return 0;
}
int cuDeviceGet(int *device, int ordinal) { *device = 10 + ordinal; return 0; }
int cuDeviceGetUuid_v2(unsigned char *uuid, int device)
{
    for (int byte = 0; byte < 16; byte++)
        uuid[byte] = 16 * (device - 10) + byte;
    return 0;
}
int cuDeviceGetName(char *name, int length, int device)
{
    snprintf(name, length, "%s", device == 11 ? "Orin" : "NVIDIA RTX A4000");
    return 0;
}
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = (size_t)8 << 30; return 0; }
int cuDeviceGetPCIBusId(char *bus_id, int length, int device)
{
    snprintf(bus_id, length, device == 11 ? "0000:00:00.0" : "0000:C1:00.0");
    return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    static const int numbers[][2] = {
        {13, 1000000}, {16, 8}, {20, 3}, {36, 3000000}, {37, 128}, {75, 8}, {76, 7},
    };
    if (attribute == 18) {
        *value = device == 11;
        return 0;
    }
    for (size_t place = 0; place < sizeof numbers / sizeof *numbers; place++)
        if (numbers[place][0] == attribute) {
            *value = numbers[place][1];
            return 0;
        }
    return 1;
}

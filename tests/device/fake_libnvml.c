/* NVML of a machine with two GPUs, for tests of the calls through NVIDIA's own bindings: what the
 * stand-in in Python cannot tell is whether these take and give what is expected of them. What is not
 * here is what an older driver lacks. With FAKE_NVML=lost the second GPU is lost, with `init` there is
 * no driver. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK, INVALID = 2, UNSUPPORTED = 3, NOT_FOUND = 6, NO_ROOM = 7, NOT_LOADED = 9, LOST = 15 };
typedef unsigned long long u64;
typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; } Pci;
typedef struct { unsigned field, scope; u64 stamp, latency; unsigned type, status; u64 value; } Field;
typedef struct { unsigned pid; u64 bytes; unsigned instance, compute_instance; } Process;
typedef struct { unsigned version; u64 total, reserved, free, used; } Memory;

static const char *const uuids[] = {
    "GPU-aaaaaaaa-0000-4000-8000-000000000001",
    "GPU-bbbbbbbb-0000-4000-8000-000000000002",
};

static int place(void *handle) { return (int)(size_t)handle - 1; }
static int is(const char *what)
{
    const char *mode = getenv("FAKE_NVML");
    return mode && !strcmp(mode, what);
}
static int state(void *handle) { return place(handle) == 1 && is("lost") ? LOST : OK; }
static int text(char *to, unsigned length, const char *from)
{
    return snprintf(to, length, "%s", from) < (int)length ? OK : NO_ROOM;
}
static int number(void *handle, unsigned *to, unsigned value)
{
    *to = value;
    return state(handle);
}

int nvmlInitWithFlags(unsigned flags) { return is("init") ? NOT_LOADED : flags ? INVALID : OK; }
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int status) { return status == LOST ? "GPU is lost" : "as tests want it"; }
int nvmlSystemGetDriverVersion(char *to, unsigned length) { return text(to, length, "570.1"); }
int nvmlSystemGetProcessName(unsigned pid, char *to, unsigned length)
{
    return pid == 700 ? text(to, length, "/usr/bin/nvidia-cuda-mps-server") : NOT_FOUND;
}
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return OK; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle)
{
    *handle = (void *)(size_t)(index + 1);
    return OK;
}
int nvmlDeviceGetHandleByUUID(const char *uuid, void **handle)
{
    for (unsigned index = 0; index < 2; index++)
        if (!strcmp(uuid, uuids[index]))
            return nvmlDeviceGetHandleByIndex_v2(index, handle);
    return NOT_FOUND;
}
int nvmlDeviceGetUUID(void *handle, char *to, unsigned length)
{
    return text(to, length, uuids[place(handle)]);
}
int nvmlDeviceGetName(void *handle, char *to, unsigned length)
{
    return text(to, length, "NVIDIA RTX A4000");
}
int nvmlDeviceGetPciInfo_v3(void *handle, Pci *pci)
{
    text(pci->bus_id, sizeof pci->bus_id, place(handle) ? "00000000:0A:00.0" : "00000000:C1:00.0");
    return OK;
}
int nvmlDeviceGetCudaComputeCapability(void *handle, int *major, int *minor)
{
    *major = 8;
    *minor = 6;
    return OK;
}
int nvmlDeviceGetNumGpuCores(void *handle, unsigned *to) { return number(handle, to, 6144); }
int nvmlDeviceGetMemoryBusWidth(void *handle, unsigned *to) { return number(handle, to, 256); }
int nvmlDeviceGetComputeMode(void *handle, unsigned *to) { return number(handle, to, 3); }
int nvmlDeviceGetVirtualizationMode(void *handle, unsigned *to) { return number(handle, to, 2); }
int nvmlDeviceGetTemperature(void *handle, int sensor, unsigned *to)
{
    return sensor ? INVALID : number(handle, to, 61);
}
int nvmlDeviceGetPowerUsage(void *handle, unsigned *to) { return number(handle, to, 140500); }
int nvmlDeviceGetClockInfo(void *handle, int clock, unsigned *to)
{
    return number(handle, to, clock == 1 ? 1410 : 6500);
}
int nvmlDeviceGetMaxClockInfo(void *handle, int clock, unsigned *to)
{
    return number(handle, to, clock == 1 ? 1560 : 7001);
}
int nvmlDeviceGetTotalEnergyConsumption(void *handle, u64 *to) { return UNSUPPORTED; }
int nvmlDeviceGetCurrentClocksThrottleReasons(void *handle, u64 *to)
{
    *to = 0x20;
    return state(handle);
}
int nvmlDeviceGetRemappedRows(void *handle, unsigned *a, unsigned *b, unsigned *c, unsigned *d)
{
    *a = *b = *d = 0;
    *c = 1;
    return state(handle);
}
int nvmlDeviceGetMemoryInfo_v2(void *handle, Memory *memory)
{
    if (memory->version != (sizeof *memory | 2 << 24))
        return INVALID;
    memory->total = (u64)16 << 30;
    return state(handle);
}
int nvmlDeviceGetFieldValues(void *handle, int count, Field *fields)
{
    for (Field *field = fields; field < fields + count; field++) {
        field->status = field->field == 74 || field->field == 230 ? OK : UNSUPPORTED;
        field->value = field->field == 74 ? (u64)5 << 32 : 0;
    }
    return state(handle);
}
static int list(unsigned *count, Process *found, unsigned pid)
{
    if (*count < 1) {
        *count = 1;
        return NO_ROOM;
    }
    *count = 1;
    *found = (Process){ pid, pid == 700 ? (u64)3 << 20 : ~(u64)0, ~0u, ~0u };
    return OK;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned *count, Process *found)
{
    return list(count, found, 700);
}
int nvmlDeviceGetMPSComputeRunningProcesses_v3(void *handle, unsigned *count, Process *found)
{
    return list(count, found, 701);
}
int nvmlDeviceGetGraphicsRunningProcesses_v3(void *handle, unsigned *count, Process *found)
{
    *count = 0;
    return OK;
}

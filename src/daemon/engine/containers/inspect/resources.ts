/** The limits and devices in `HostConfig` (moby, api/types/container, Resources). */
import type { ContainerSpec } from '../../../state/spec.ts';

export function resourcesOf({ resources, security, isolation }: ContainerSpec): Record<string, unknown> {
  return {
    CpuShares: resources.cpuShares,
    Memory: resources.memoryBytes,
    NanoCpus: resources.nanoCpus,
    CgroupParent: isolation.cgroupParent,
    BlkioWeight: resources.blkioWeight,
    BlkioWeightDevice: [],
    BlkioDeviceReadBps: [],
    BlkioDeviceWriteBps: [],
    BlkioDeviceReadIOps: [],
    BlkioDeviceWriteIOps: [],
    CpuPeriod: resources.cpuPeriod,
    CpuQuota: resources.cpuQuota,
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    CpusetCpus: resources.cpusetCpus,
    CpusetMems: resources.cpusetMems,
    Devices: security.devices.map(({ hostPath, containerPath, permissions }) => ({
      PathOnHost: hostPath,
      PathInContainer: containerPath,
      CgroupPermissions: permissions,
    })),
    DeviceCgroupRules: security.deviceCgroupRules.length > 0 ? security.deviceCgroupRules : null,
    DeviceRequests:
      security.cdiDevices.length > 0
        ? [{ Driver: 'cdi', Count: 0, DeviceIDs: security.cdiDevices, Capabilities: [], Options: {} }]
        : null,
    KernelMemory: 0,
    KernelMemoryTCP: 0,
    MemoryReservation: resources.memoryReservationBytes,
    // docker's default: as much swap again as memory.
    MemorySwap: resources.memorySwapBytes || resources.memoryBytes * 2,
    MemorySwappiness: null,
    OomKillDisable: resources.oomKillDisable ?? false,
    PidsLimit: resources.pidsLimit,
    Ulimits: resources.ulimits.map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })),
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

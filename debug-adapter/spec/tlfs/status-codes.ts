// Table: hypercall status codes, TLFS appendix B.

/** One status: bits 15:0 of the hypercall result value. */
export interface HypercallStatus {
  readonly code: number;
  readonly name: string;
  readonly description: string;
}

function status<Name extends string>(code: number, name: Name, description: string) {
  return { code, name, description } as const;
}

/** Every published status, ascending. */
export const hypercallStatuses = [
  status(0x0000, 'HV_STATUS_SUCCESS', 'The call succeeded'),
  status(0x0002, 'HV_STATUS_INVALID_HYPERCALL_CODE', 'The call code is unknown or not supported'),
  status(
    0x0003,
    'HV_STATUS_INVALID_HYPERCALL_INPUT',
    'A reserved bit, the rep count, the rep start index or the variable header size is wrong',
  ),
  status(
    0x0004,
    'HV_STATUS_INVALID_ALIGNMENT',
    'A parameter address is not 8-byte aligned, or its block crosses a page',
  ),
  status(0x0005, 'HV_STATUS_INVALID_PARAMETER', 'A parameter is not valid'),
  status(0x0006, 'HV_STATUS_ACCESS_DENIED', 'The partition lacks the privilege'),
  status(0x0007, 'HV_STATUS_INVALID_PARTITION_STATE', 'The partition is in the wrong state'),
  status(0x0008, 'HV_STATUS_OPERATION_DENIED', 'The operation is not possible here'),
  status(0x0009, 'HV_STATUS_UNKNOWN_PROPERTY', 'No such partition property'),
  status(0x000a, 'HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE', 'The property cannot hold this value'),
  status(
    0x000b,
    'HV_STATUS_INSUFFICIENT_MEMORY',
    'The memory pool is too small; deposit pages and call again',
  ),
  status(0x000c, 'HV_STATUS_PARTITION_TOO_DEEP', 'The partition hierarchy is too deep'),
  status(0x000d, 'HV_STATUS_INVALID_PARTITION_ID', 'No such partition'),
  status(0x000e, 'HV_STATUS_INVALID_VP_INDEX', 'No such virtual processor'),
  status(0x0010, 'HV_STATUS_NOT_FOUND', 'The object does not exist'),
  status(
    0x0011,
    'HV_STATUS_INVALID_PORT_ID',
    'No such port, or the port of the connection is gone',
  ),
  status(0x0012, 'HV_STATUS_INVALID_CONNECTION_ID', 'No such connection'),
  status(0x0013, 'HV_STATUS_INSUFFICIENT_BUFFERS', 'No message buffer is free'),
  status(0x0014, 'HV_STATUS_NOT_ACKNOWLEDGED', 'The interrupt was not asserted and acknowledged'),
  status(0x0015, 'HV_STATUS_INVALID_VP_STATE', 'The virtual processor is in the wrong state'),
  status(0x0016, 'HV_STATUS_ACKNOWLEDGED', 'The interrupt is acknowledged but not yet cleared'),
  status(0x0017, 'HV_STATUS_INVALID_SAVE_RESTORE_STATE', 'Saved state cannot be restored here'),
  status(
    0x0018,
    'HV_STATUS_INVALID_SYNIC_STATE',
    'SynIC, message page or event page is disabled, or the SINT is masked',
  ),
  status(0x0019, 'HV_STATUS_OBJECT_IN_USE', 'The object is in use'),
  status(0x001a, 'HV_STATUS_INVALID_PROXIMITY_DOMAIN_INFO', 'The proximity domain is not valid'),
  status(0x001b, 'HV_STATUS_NO_DATA', 'No debug data'),
  status(0x001c, 'HV_STATUS_INACTIVE', 'The debugger is inactive'),
  status(0x001d, 'HV_STATUS_NO_RESOURCES', 'Resources are used up'),
  status(0x001e, 'HV_STATUS_FEATURE_UNAVAILABLE', 'The feature is not available'),
  status(0x001f, 'HV_STATUS_PARTIAL_PACKET', 'A partial debug packet'),
  status(
    0x0020,
    'HV_STATUS_PROCESSOR_FEATURE_NOT_SUPPORTED',
    'A processor feature that the saved state needs is missing',
  ),
  status(
    0x0030,
    'HV_STATUS_PROCESSOR_CACHE_LINE_FLUSH_SIZE_INCOMPATIBLE',
    'Cache line flush sizes differ',
  ),
  status(0x0033, 'HV_STATUS_INSUFFICIENT_BUFFER', 'The buffer is too small'),
  status(0x0037, 'HV_STATUS_INCOMPATIBLE_PROCESSOR', 'The processors are not compatible'),
  status(0x0038, 'HV_STATUS_INSUFFICIENT_DEVICE_DOMAINS', 'Too few device domains'),
  status(0x003c, 'HV_STATUS_CPUID_FEATURE_VALIDATION_ERROR', 'The CPUID features fail validation'),
  status(
    0x003d,
    'HV_STATUS_CPUID_XSAVE_FEATURE_VALIDATION_ERROR',
    'The CPUID XSAVE features fail validation',
  ),
  status(0x003e, 'HV_STATUS_PROCESSOR_STARTUP_TIMEOUT', 'A processor did not start in time'),
  status(0x003f, 'HV_STATUS_SMX_ENABLED', 'Safer mode extensions are enabled'),
  status(0x0041, 'HV_STATUS_INVALID_LP_INDEX', 'No such logical processor'),
  status(0x0050, 'HV_STATUS_INVALID_REGISTER_VALUE', 'The register cannot hold this value'),
  status(0x0051, 'HV_STATUS_INVALID_VTL_STATE', 'The virtual trust level is in the wrong state'),
  status(0x0055, 'HV_STATUS_NX_NOT_DETECTED', 'The processor lacks execute disable'),
  status(0x0057, 'HV_STATUS_INVALID_DEVICE_ID', 'No such device'),
  status(0x0058, 'HV_STATUS_INVALID_DEVICE_STATE', 'The device is in the wrong state'),
  status(0x0059, 'HV_STATUS_PENDING_PAGE_REQUESTS', 'Page requests are pending'),
  status(0x0060, 'HV_STATUS_PAGE_REQUEST_INVALID', 'The page request is not valid'),
  status(0x0065, 'HV_STATUS_KEY_ALREADY_EXISTS', 'The key exists already'),
  status(0x0066, 'HV_STATUS_DEVICE_ALREADY_IN_DOMAIN', 'The device is in the domain already'),
  status(0x006f, 'HV_STATUS_INVALID_CPU_GROUP_ID', 'No such processor group'),
  status(0x0070, 'HV_STATUS_INVALID_CPU_GROUP_STATE', 'The processor group is in the wrong state'),
  status(0x0071, 'HV_STATUS_OPERATION_FAILED', 'The operation failed'),
  status(
    0x0072,
    'HV_STATUS_NOT_ALLOWED_WITH_NESTED_VIRT_ACTIVE',
    'A virtual processor has nested virtualization active',
  ),
  status(0x0073, 'HV_STATUS_INSUFFICIENT_ROOT_MEMORY', 'The root partition lacks memory'),
  status(0x0074, 'HV_STATUS_EVENT_BUFFER_ALREADY_FREED', 'The event buffer is free already'),
  status(0x0078, 'HV_STATUS_TIMEOUT', 'The call took too long; call again'),
  status(0x0079, 'HV_STATUS_CALL_PENDING', 'The call is pending and completes later'),
  status(0x0086, 'HV_STATUS_VTL_ALREADY_ENABLED', 'The virtual trust level is enabled already'),
  status(0x0087, 'HV_STATUS_UNKNOWN_REGISTER_NAME', 'No register has this name'),
] as const;

/** Name of a status. */
export type HypercallStatusName = (typeof hypercallStatuses)[number]['name'];

/** Rows by status code. */
export const statusByCode: ReadonlyMap<number, HypercallStatus> = new Map(
  hypercallStatuses.map((row) => [row.code, row]),
);

/** Codes of the statuses that the dispatcher and its handlers return. */
export const Status = {
  success: 0x0000,
  invalidHypercallCode: 0x0002,
  invalidHypercallInput: 0x0003,
  invalidAlignment: 0x0004,
  invalidParameter: 0x0005,
  accessDenied: 0x0006,
  invalidPartitionState: 0x0007,
  operationDenied: 0x0008,
  unknownProperty: 0x0009,
  propertyValueOutOfRange: 0x000a,
  insufficientMemory: 0x000b,
  invalidPartitionId: 0x000d,
  invalidVpIndex: 0x000e,
  invalidPortId: 0x0011,
  invalidConnectionId: 0x0012,
  insufficientBuffers: 0x0013,
  invalidVpState: 0x0015,
  invalidSaveRestoreState: 0x0017,
  objectInUse: 0x0019,
  noResources: 0x001d,
  featureUnavailable: 0x001e,
  invalidRegisterValue: 0x0050,
  unknownRegisterName: 0x0087,
} as const;

// MongoDB's limits, which `hello` tells drivers (MongoDB manual, hello).

/** Bytes of a document (maxBsonObjectSize). */
export const MAX_DOCUMENT = 16 * 1024 * 1024
/** Bytes of a message (maxMessageSizeBytes). */
export const MAX_MESSAGE = 48_000_000
/** Documents or statements of a write command (maxWriteBatchSize). */
export const MAX_BATCH = 100_000

/** What the error for an unread frame should name. */
export interface Glance {
  clientId?: string
  /** The frame says that it is a `resume`. */
  resume: boolean
}

/** Bytes looked at, at each end of a frame: `type` and `clientId` come before the text or after it. */
const GLANCE_BYTES = 512
const CLIENT_ID = /"clientId"\s*:\s*"([0-9a-f-]{36})"/i
const RESUME = /"type"\s*:\s*"resume"/

/**
 * Finds the clientId and type of a frame that is refused without being parsed, so that refusing costs next to
 * nothing however long the frame is. A quotation mark inside a JSON string is escaped, so a message text is
 * not mistaken for them.
 */
export function glance (data: Buffer): Glance {
  const head = data.toString('latin1', 0, GLANCE_BYTES)
  const tail = data.toString('latin1', Math.max(GLANCE_BYTES, data.length - GLANCE_BYTES))
  const clientId = CLIENT_ID.exec(head)?.[1] ?? CLIENT_ID.exec(tail)?.[1]
  return {
    ...(clientId === undefined ? {} : { clientId }),
    resume: RESUME.test(head) || RESUME.test(tail)
  }
}

/**
 * What a request costs its user (HTTP_RATE), in requests of about 0.6 ms of CPU time. Figures are the CPU
 * time of the whole process, with Node 20 on two cores of an AMD EPYC.
 */

/** Checking an avatar of 32 KiB (43 KiB in JSON) takes 4 ms; parsing 128 KiB of JSON takes up to 14 ms. */
const BODY_BYTES_PER_REQUEST = 8 * 1024
/** Reading, serialising and sending a page of 4 MiB takes 40 ms. */
const ANSWER_BYTES_PER_REQUEST = 64 * 1024

/** Opening a socket, with its greeting and its end, takes 2 ms. */
export const UPGRADE_COST = 3

/** Creating a group of 500 takes 80 ms: each member has a document, and entries in three indexes. */
const MEMBERS_PER_REQUEST = 4

/** What the members of a new group cost besides the request. */
export function costOfMembers (members: number): number {
  return Math.floor(members / MEMBERS_PER_REQUEST)
}

/** What the bytes of a body cost besides their request. */
export function costOfBody (bytes: number): number {
  return Math.floor(bytes / BODY_BYTES_PER_REQUEST)
}

/** What the bytes of an answer cost besides their request. */
export function costOfAnswer (bytes: number): number {
  return Math.floor(bytes / ANSWER_BYTES_PER_REQUEST)
}

/** The TypeBox schemas of chat.v1, for validation, for the published documents, and as types. */
export * from './changes.js'
export * from './client-frames.js'
export * from './message.js'
export * from './server-frames.js'
export * from './values.js'

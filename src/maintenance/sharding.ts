/**
 * How to shard the database. A unique index of a sharded collection must begin with the shard key (MongoDB
 * manual, "Unique Indexes"), which decides the keys.
 */
export function shardCommands (database: string): string {
  return `
On a sharded cluster, in mongosh:

  sh.enableSharding("${database}")
  // Every query of the log names a conversation, and its three unique indexes begin with it.
  sh.shardCollection("${database}.log", { conversation: 1 })
  // By the conversation too: "<conversation>/<user>". A page of the inbox asks all shards.
  sh.shardCollection("${database}.conversations", { _id: 1 })
  sh.shardCollection("${database}.memberships", { _id: 1 })
  // Random ids, each looked up by itself.
  sh.shardCollection("${database}.sessions", { _id: "hashed" })

users and blocks stay on one shard: usernames and e-mail addresses are unique by two different keys.`
}

/** Compiles the schemas of answers. Compiling is half of the start of an app; many routes share a schema. */
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'

type SerializerFactory = ReturnType<typeof SerializerSelector>
type Serializer = ReturnType<ReturnType<SerializerFactory>>

/** By the JSON of the schema and of those that it may refer to. The routes have a bounded number of them. */
const serializers = new Map<string, Serializer>()
const newCompiler = SerializerSelector()

/** Fastify's own compiler of answers, which compiles equal schemas once in a process. */
export const buildSerializer: SerializerFactory = (external, options) => {
  const compile = newCompiler(external, options)
  const prefix = JSON.stringify([external, options])
  return route => {
    const key = prefix + JSON.stringify(route.schema)
    const serializer = serializers.get(key) ?? compile(route)
    serializers.set(key, serializer)
    return serializer
  }
}

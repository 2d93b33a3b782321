/** A text that is JSON already. */
class JsonText {
  constructor (readonly text: string) {}
}

/**
 * Puts a text that is JSON already in the place of a field of an answer. The route needs
 * `serializerCompiler: spliceJson`. The text must be JSON of the type that the schema has there.
 */
export function jsonText<T> (text: string): T {
  return new JsonText(text) as unknown as T
}

/** As `jsonText`, for a list. */
export function jsonList<T> (items: readonly { json: string }[]): T[] {
  return jsonText(`[${items.map(({ json }) => json).join()}]`)
}

/** The compiler of a route whose answers have fields made by `jsonText` or `jsonList`. */
export function spliceJson (): (answer: unknown) => string {
  return answer => {
    const fields = Object.entries(answer as object).map(([name, value]) =>
      `${JSON.stringify(name)}:${value instanceof JsonText ? value.text : JSON.stringify(value)}`)
    return `{${fields.join()}}`
  }
}

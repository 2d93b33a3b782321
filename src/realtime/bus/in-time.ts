/** A question that takes longer, in milliseconds, counts as not answered. */
const ANSWER_MS = 2_000

/** Waits for an answer; rejects with this message where it takes too long. */
export async function inTime<T> (answer: Promise<T>, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(message)), ANSWER_MS)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

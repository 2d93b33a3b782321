import t from 'tap'
import { build, conversationOf, register } from '../helper.js'

t.test('readers take turns: many pages of one account do not delay the first page of another', async t => {
  const app = await build(t)
  const [anna, ben] = [await register(app), await register(app)]
  const conversation = conversationOf(anna.id, ben.id)
  const hello = { sender: anna.id, reciver: ben.id, message: 'hello' }
  await Promise.all(Array.from({ length: 50 }, () => app.messageLog.append(hello)))
  const order: string[] = []
  const read = async (reader: string) => {
    const { messages } = await app.messageLog.after(conversation, 0, { limit: 200, maxBytes: 1e6, reader })
    order.push(reader)
    return messages.length
  }
  const lengths = await Promise.all([...Array.from({ length: 200 }, () => read(anna.id)), read(ben.id)])
  t.ok(lengths.every(length => length === 50))
  t.ok(order.indexOf(ben.id) < 30, `it was number ${order.indexOf(ben.id)}`)
})

/**
 * The usual chat server: Express 5, Mongoose, Socket.IO and bcrypt, with the routes of the original. It
 * stores as durably as the server that it is compared with, and does not check who asks.
 * `node classic.js MONGODB_URL` prints its address.
 */
import { compare, hash } from 'bcrypt'
import express from 'express'
import mongoose from 'mongoose'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, type Socket } from 'socket.io'

/** Cost of bcrypt, as tutorials set it. */
const ROUNDS = 10
const NEWEST = 1_000

const User = mongoose.model('User', new mongoose.Schema({
  username: { type: String, required: true, unique: true, minlength: 3, maxlength: 30 },
  email: { type: String, required: true, unique: true, maxlength: 254 },
  password: { type: String, required: true },
  isAvatarImageSet: { type: Boolean, default: false },
  avatarImage: { type: String, default: '' }
}))

const messageSchema = new mongoose.Schema({
  // One indexed field for both directions makes reading faster than the original's `users: { $all }`.
  conversation: { type: String, required: true },
  message: { type: String, required: true },
  sender: { type: mongoose.Schema.Types.ObjectId, ref: 'User', required: true },
  reciver: { type: mongoose.Schema.Types.ObjectId, ref: 'User', required: true }
}, { timestamps: true })
messageSchema.index({ conversation: 1, _id: 1 })
const Message = mongoose.model('Message', messageSchema)

interface Sent { sender: string, reciver: string, message: string }

const app = express()
const server = createServer(app)
const io = new Server(server)
const conversationOf = (a: string, b: string) => a < b ? `${a}:${b}` : `${b}:${a}`

/** Stores a message and emits it to the receiver's sockets. */
async function store ({ sender, reciver, message }: Sent) {
  const stored = await Message.create({
    conversation: conversationOf(sender, reciver), message, sender, reciver
  })
  io.to(reciver).emit('msg-receive', stored)
  return stored
}

io.on('connection', (socket: Socket) => {
  socket.on('add-user', async (id: string, done?: () => void) => {
    await socket.join(id)
    done?.()
  })
  socket.on('send-msg', (sent: Sent, done: (answer: unknown) => void) => {
    store(sent).then(({ _id }) => done({ _id }), error => done({ error: String(error) }))
  })
})

app.use(express.json())
app.post('/api/v1/user/register', async (request, response) => {
  const { username, email, password } = request.body
  const user = await User.create({ username, email, password: await hash(password, ROUNDS) })
  response.status(201).json({ status: 'success', data: { ...user.toObject(), password: '' }, token: '' })
})
app.post('/api/v1/user/login', async (request, response) => {
  const { username, password } = request.body
  const user = await User.findOne({ username })
  if (user === null || !await compare(password, user.password)) {
    response.status(401).json({ status: 'error' })
    return
  }
  response.json({ status: 'success', data: { ...user.toObject(), password: '' }, token: '' })
})
app.post('/api/v1/addmsg', async (request, response) => {
  const data = await store(request.body)
  response.status(201).json({ success: 'success', message: 'Message sent successfully', data })
})
app.get('/api/v1/getallmessages', async (request, response) => {
  const { sender, reciver, limit } = request.query as Record<string, string>
  const newest = await Message.find({ conversation: conversationOf(sender!, reciver!) })
    .sort({ _id: -1 })
    .limit(Number(limit ?? NEWEST))
  response.json({ success: 'success', message: 'Message sent successfully', data: newest.reverse() })
})

await mongoose.connect(process.argv[2]!, {
  dbName: 'classic', writeConcern: { w: 'majority', journal: true }, readConcernLevel: 'majority'
})
await Promise.all([User.init(), Message.init()])
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})

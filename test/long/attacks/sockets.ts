/** Attacks over sockets. Finding numbers are those of the hostile review (docs/security.md). */
import type { Hostile } from './hostile.js'
import type { HostileSocket } from './hostile-socket.js'

/** A little slower than the default FRAME_RATE of 20 frames a second. */
const FRAME_MS = 51
/** As many names as fit into the default FRAME_BYTES. */
const MOST_NAMES = 2_400
/** Frames of a flood before its socket leaves. */
const FLOOD_FRAMES = 290
/** Unsolicited pongs: more often than the server pings. */
const PONG_MS = 5_000
/** Frames above the rate, at once and a second. */
const BURST = 60
const BURST_MS = 100
const OVER_RATE_BYTES = 1024

let names = 0

/** A conversation of this user that is not there: nobody has such a low id. */
const unknownConversation = (user: string): string => `${(names++).toString(16).padStart(24, '0')}:${user}`

function resumeFrame (user: string, count: number): string {
  const have = Array.from({ length: count }, () => `"${unknownConversation(user)}":0`)
  return `{"type":"resume","have":{${have.join()}}}`
}

/** Opens sockets one after the other as long as the attack lasts; a socket is left when `use` ends. */
async function withSockets (hostile: Hostile, use: (socket: HostileSocket) => Promise<void>): Promise<void> {
  while (!hostile.over) {
    const socket = await hostile.open()
    if (socket === undefined) continue
    await use(socket)
    socket.terminate()
  }
}

/** Sends what `next` gives at the allowed rate until the socket or the attack ends. */
async function sendAtRate (
  hostile: Hostile,
  socket: HostileSocket,
  next: () => string,
  most = Infinity
): Promise<void> {
  for (let sent = 0; sent < most && socket.isOpen && !hostile.over; sent++) {
    hostile.tally.attempt()
    socket.send(next())
    await hostile.pause(Math.max(FRAME_MS, socket.wait))
  }
}

/** C1: resumes thousands of conversations in each frame, then leaves; fewer where the server has a limit. */
export async function resumeFlood (hostile: Hostile): Promise<void> {
  let count = MOST_NAMES
  await withSockets(hostile, async socket => {
    let refused = 0
    await sendAtRate(
      hostile,
      socket,
      () => {
        if (socket.invalid > refused) count = Math.max(1, count >> 1)
        refused = socket.invalid
        return resumeFrame(hostile.account.id, count)
      },
      FLOOD_FRAMES
    )
  })
}

/** M5: asks for the list of conversations as often as frames are allowed. */
export async function resumeLoop (hostile: Hostile): Promise<void> {
  await withSockets(hostile, async socket => {
    await sendAtRate(hostile, socket, () => '{"type":"resume","have":{}}')
  })
}

/** H4: resumes everything and never reads; pongs keep the socket. */
export async function silentReader (hostile: Hostile): Promise<void> {
  const { account, target } = hostile
  const have = (target.full[account.id] ?? []).map(other => [[account.id, other].sort().join(':'), 0])
  const resume = JSON.stringify({ type: 'resume', have: Object.fromEntries(have) })
  await withSockets(hostile, async socket => {
    socket.stopReading()
    while (socket.isOpen && !hostile.over) {
      hostile.tally.attempt()
      socket.send(resume)
      socket.pong()
      await hostile.pause(PONG_MS)
    }
  })
}

/** M6: goes on against the limit of frames. */
export async function framesAboveRate (hostile: Hostile): Promise<void> {
  const frame = JSON.stringify({ type: 'ping', filling: 'x'.repeat(OVER_RATE_BYTES) })
  await withSockets(hostile, async socket => {
    while (socket.isOpen && !hostile.over) {
      hostile.tally.attempt(BURST)
      for (let sent = 0; sent < BURST; sent++) socket.send(frame)
      await hostile.pause(BURST_MS)
    }
  })
}

/** Typing, watching and marks at the allowed rate: small frames that cause look-ups and writes. */
export async function smallFrames (hostile: Hostile): Promise<void> {
  const {
    account: { id },
    target: { watched, full }
  } = hostile
  const other = full[id]?.[0] ?? id
  const conversation = [id, other].sort().join(':')
  let on = false
  let sent = 0
  await withSockets(hostile, async socket => {
    await sendAtRate(hostile, socket, () => {
      on = !on
      const frames = [
        { type: 'typing', reciver: other, on },
        { type: 'watch', users: watched },
        { type: 'read', conversation, seq: sent },
        { type: 'delivered', conversation, seq: sent }
      ]
      return JSON.stringify(frames[sent++ % frames.length])
    })
  })
}

/** Frames that are malformed, on one socket after the other. */
export async function malformedFrames (hostile: Hostile): Promise<void> {
  const broken = '[{"type":'.repeat(50)
  await withSockets(hostile, async socket => {
    await sendAtRate(hostile, socket, () => broken)
  })
}

/** Opens a socket and leaves it, as often as HTTP_RATE allows. */
export async function churn (hostile: Hostile): Promise<void> {
  await withSockets(hostile, async () => {
    hostile.tally.outcome('opened')
    await hostile.pause(FRAME_MS)
  })
}

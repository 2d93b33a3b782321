import t from 'tap'
import { Membership } from '../../src/chat/membership.js'

const ANNA = 'a'.repeat(24)
const BEN = 'b'.repeat(24)
const CARL = 'c'.repeat(24)
const TALK = `${ANNA}:${BEN}`
const NOTES = `${ANNA}:${ANNA}`

const membership = new Membership(true)

t.test('a direct conversation has the two members of its id, known at once', async t => {
  t.strictSame(membership.members(TALK), [ANNA, BEN])
  t.strictSame(membership.access(TALK, ANNA), { role: 'member', above: 0, aboveSeq: 0 })
  t.equal(membership.access(TALK, CARL), undefined)
  t.equal(membership.partner(TALK, ANNA), BEN)
  t.equal(membership.partner(TALK, BEN), ANNA)
  t.equal(membership.partner(TALK, CARL), undefined)
})

t.test('a conversation with oneself has one member', async t => {
  t.strictSame(membership.members(NOTES), [ANNA])
  t.equal(membership.partner(NOTES, ANNA), ANNA)
  t.equal(membership.partner(NOTES, BEN), undefined)
})

t.test('require: nothing to wait for in a direct conversation; forbidden for others', async t => {
  t.match(membership.require(TALK, ANNA, 'id'), { role: 'member' })
  t.throws(() => membership.require(TALK, CARL, 'id'), { message: 'this is a conversation of others' })
})

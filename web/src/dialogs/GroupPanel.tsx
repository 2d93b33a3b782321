import { useState, type FormEvent } from 'react'
import Alert from 'react-bootstrap/Alert'
import Button from 'react-bootstrap/Button'
import { api, type ApiError, type Conversation, type Role, type User } from '../api.js'
import { Field } from '../auth/Field.js'
import { useChat } from '../chat-context.js'
import { UserAvatar } from '../chat/Avatar.js'
import { t } from '../texts.js'
import { Dialog } from './Dialog.js'

/** Runs a change of the group, then shows its state; a refusal is shown in words. */
function useChanges (id: string) {
  const store = useChat()
  const [error, setError] = useState('')
  const run = async (change: Promise<unknown>, isLeaving = false): Promise<boolean> => {
    try {
      await change
      setError('')
      if (isLeaving) store.left(id)
      else await store.loadGroup(id)
      return true
    } catch (problem) {
      setError((problem as ApiError).message || t.unreachable)
      return false
    }
  }
  return { error, run }
}

/** Name, members, roles, leaving. */
export default function GroupPanel ({ id, onClose }: { id: string, onClose: () => void }) {
  const store = useChat()
  const { error, run } = useChanges(id)
  const group = store.conversations.get(id)
  if (group === undefined) return null
  const mayManage = group.role === 'owner' || group.role === 'admin'
  const isBound = group.role === 'owner' && group.members > 1
  const leave = () => void run(api.removeMember(id, store.me._id), true)
  return (
    <Dialog title={t.group} onClose={onClose}>
      {error !== '' && <Alert variant='danger'>{error}</Alert>}
      {mayManage && <Rename group={group} run={run} />}
      <h3 className='h6'>{t.members}</h3>
      <ul className='people list-unstyled'>
        {group.memberList?.map(({ user, role }) =>
          <Member key={user._id} group={group} user={user} role={role} run={run} />)}
      </ul>
      {mayManage && <AddMember group={group} run={run} />}
      <Button variant='outline-danger' disabled={isBound} onClick={leave}>{t.leave}</Button>
      {isBound && <p className='small text-body-secondary mt-2 mb-0'>{t.handOverFirst}</p>}
    </Dialog>
  )
}

interface PartProps { group: Conversation, run: (change: Promise<unknown>) => Promise<boolean> }

function Rename ({ group, run }: PartProps) {
  const [name, setName] = useState(group.name ?? '')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void run(api.renameGroup(group.id, name))
  }
  return (
    <form onSubmit={submit}>
      <Field label={t.groupName} value={name} onChange={setName}>
        <Button type='submit'>{t.save}</Button>
      </Field>
    </form>
  )
}

function Member ({ group, user, role, run }: PartProps & { user: User, role: Role }) {
  const isMe = useChat().me._id === user._id
  const isOwner = group.role === 'owner' && !isMe
  const mayRemove = !isMe && (isOwner || (group.role === 'admin' && role === 'member'))
  const set = (next: Role) => void run(api.setRole(group.id, user._id, next))
  return (
    <li className='person'>
      <UserAvatar user={user} size={32} />
      <span className='person-name text-truncate' dir='auto'>
        {user.username} <small className='text-body-secondary'>{t.roles[role]}</small>
      </span>
      <span className='person-actions'>
        {isOwner && (
          <Button size='sm' variant='link' onClick={() => set(role === 'admin' ? 'member' : 'admin')}>
            {role === 'admin' ? t.makeMember : t.makeAdmin}
          </Button>
        )}
        {isOwner && <Button size='sm' variant='link' onClick={() => set('owner')}>{t.handOver}</Button>}
        {mayRemove && (
          <Button size='sm' variant='link' onClick={() => void run(api.removeMember(group.id, user._id))}>
            {t.remove}
          </Button>
        )}
      </span>
    </li>
  )
}

function AddMember ({ group, run }: PartProps) {
  const { people, me } = useChat()
  const [chosen, setChosen] = useState('')
  const members = new Set(group.memberList?.map(({ user }) => user._id))
  const others = [...people.all.values()].filter(({ _id, deleted }) =>
    !members.has(_id) && _id !== me._id && deleted !== true)
  if (others.length === 0) return null
  const add = () => void run(api.addMember(group.id, chosen || others[0]!._id)).then(() => setChosen(''))
  return (
    <div className='d-flex gap-2 mb-3'>
      <select
        className='form-select' aria-label={t.add} value={chosen}
        onChange={event => setChosen(event.target.value)}
      >{others.map(user => <option key={user._id} value={user._id}>{user.username}</option>)}
      </select>
      <Button onClick={add}>{t.add}</Button>
    </div>
  )
}

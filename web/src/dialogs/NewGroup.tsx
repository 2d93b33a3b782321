import { randomUuid } from 'chat-app-client'
import { useState, type FormEvent } from 'react'
import Alert from 'react-bootstrap/Alert'
import Button from 'react-bootstrap/Button'
import { api, type ApiError, type Conversation, type User } from '../api.js'
import { Field } from '../auth/Field.js'
import { useChat } from '../chat-context.js'
import { UserAvatar } from '../chat/Avatar.js'
import { go, pathOf } from '../router.js'
import { t } from '../texts.js'
import { Dialog } from './Dialog.js'

/** A name and a checkbox for each person. */
export default function NewGroup ({ onClose }: { onClose: () => void }) {
  const store = useChat()
  const [name, setName] = useState('')
  const [members, setMembers] = useState<ReadonlySet<string>>(new Set())
  const [error, setError] = useState<ApiError>()
  const [clientId] = useState(randomUuid)
  const people = [...store.people.all.values()].filter(user =>
    user._id !== store.me._id && user.deleted !== true)

  const open = async ({ id }: Conversation) => {
    await store.refresh()
    go(pathOf(id))
    onClose()
  }
  const create = (event: FormEvent) => {
    event.preventDefault()
    api.createGroup(name, [...members], clientId).then(open, setError)
  }
  return (
    <Dialog title={t.newGroup} onClose={onClose}>
      <form onSubmit={create}>
        {error !== undefined && error.fields.name === undefined &&
          <Alert variant='danger'>{error.message || t.unreachable}</Alert>}
        <Field label={t.groupName} value={name} onChange={setName} error={error?.fields.name} autoFocus />
        <fieldset className='people mb-3'>
          <legend className='h6'>{t.members}</legend>
          {people.length === 0 && <p className='text-body-secondary mb-0'>{t.noConversations}</p>}
          {people.map(user => (
            <Choice
              key={user._id} user={user} isChosen={members.has(user._id)}
              onFlip={() => setMembers(flip(members, user._id))}
            />
          ))}
        </fieldset>
        <Button type='submit' className='w-100'>{t.createGroup}</Button>
      </form>
    </Dialog>
  )
}

interface ChoiceProps { user: User, isChosen: boolean, onFlip: () => void }

function Choice ({ user, isChosen, onFlip }: ChoiceProps) {
  return (
    <label className='person'>
      <input
        type='checkbox' className='form-check-input m-0' aria-label={user.username} checked={isChosen}
        onChange={onFlip}
      />
      <UserAvatar user={user} size={32} /><span dir='auto'>{user.username}</span>
    </label>
  )
}

function flip (set: ReadonlySet<string>, id: string): Set<string> {
  const next = new Set(set)
  if (!next.delete(id)) next.add(id)
  return next
}

import { randomUuid } from 'chat-app-client'
import { useState, type FormEvent } from 'react'
import Alert from 'react-bootstrap/Alert'
import Button from 'react-bootstrap/Button'
import { api, type ApiError } from '../api.js'
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

  const create = (event: FormEvent) => {
    event.preventDefault()
    api.createGroup(name, [...members], clientId).then(async group => {
      await store.refresh()
      go(pathOf(group.id))
      onClose()
    }, setError)
  }
  return (
    <Dialog title={t.newGroup} onClose={onClose}>
      <form onSubmit={create}>
        {error !== undefined && error.fields.name === undefined &&
          <Alert variant='danger'>{error.message || t.unreachable}</Alert>}
        <Field label={t.groupName} value={name} onChange={setName} error={error?.fields.name} autoFocus />
        <fieldset className='people mb-3'>
          <legend className='h6'>{t.members}</legend>
          {people.map(user => (
            <label key={user._id} className='person'>
              <input
                type='checkbox' className='form-check-input m-0' aria-label={user.username}
                checked={members.has(user._id)} onChange={() => setMembers(flip(members, user._id))}
              />
              <UserAvatar user={user} size={32} /><span dir='auto'>{user.username}</span>
            </label>
          ))}
        </fieldset>
        <Button type='submit' className='w-100'>{t.createGroup}</Button>
      </form>
    </Dialog>
  )
}

function flip (set: ReadonlySet<string>, id: string): Set<string> {
  const next = new Set(set)
  if (!next.delete(id)) next.add(id)
  return next
}

import type { User } from '../api.js'

/** An avatar as the address of a picture: in `<img>` an SVG runs no script. */
export const pictureOf = (base64: string): string => `data:image/svg+xml;base64,${base64}`

interface Props { name: string, picture?: string | undefined, online?: boolean | undefined, size?: number }

/** A picture, or the first letter of the name. The name stands beside it, so it is decoration. */
export function Avatar ({ name, picture, online, size = 44 }: Props) {
  return (
    <span className='avatar' style={{ width: size, height: size }} aria-hidden='true'>
      {picture === undefined || picture === ''
        ? <span className='avatar-letter'>{[...name][0]?.toUpperCase()}</span>
        : <img src={pictureOf(picture)} alt='' width={size} height={size} />}
      {online !== undefined && <span className='presence' data-online={online} />}
    </span>
  )
}

/** The avatar of a person. */
export function UserAvatar ({ user, size }: { user: User, size?: number }) {
  return <Avatar name={user.username} picture={user.avatarImage} {...(size === undefined ? {} : { size })} />
}

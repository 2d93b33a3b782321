/** A member's marks after one of them was raised and stored. */
export interface Receipt {
  conversation: string
  user: string
  delivered: number
  read: number
  /** the socket that raised them, if one alone did */
  socket?: string
}

import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './App.js'
import { followTheme } from './theme.js'
import 'bootstrap/dist/css/bootstrap.min.css'
import './page.css'
import './conversation.css'

followTheme()
createRoot(document.getElementById('root')!).render(<StrictMode><App /></StrictMode>)

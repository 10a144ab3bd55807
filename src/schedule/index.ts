export { parseSchedule, type Schedule } from './expression.ts';
export { type Duty, type Missed, missedSlots } from './missed.ts';
export { serve } from './serve.ts';
export { createAlarm } from './serve-alarm.ts';
export { runDuty } from './serve-duty.ts';
export type { Alarm, AssessResult, CollectResult, ServeApp, ServeEvent, ServeOptions, ServePlan, SlotHistory } from './serve-port.ts';
export { latestSlot, nextSlot, slotsBetween } from './slots.ts';
